"""Requests that TF Serving makes of a module before it serves it.

The first request of each kind is slow. TF Serving makes those it finds in
`assets.extra/tf_serving_warmup_requests` while it loads a module: a TFRecord
of `tensorflow.serving.PredictionLog`. Its messages are few and nested, and are
written here as bytes, so that an export does without tensorflow-serving-api.

Source: the guide "SavedModel Warmup" of TF Serving; prediction_log.proto,
predict.proto and model.proto of tensorflow_serving/apis.
"""

import pathlib

import tensorflow as tf

FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")

# Rows of a request; what other signatures do with several is the same.
_BATCHES = {"serving_default": (1, 8)}


def write(folder, name, signatures):
    """Writes the file into the folder of a module.

    Args:
      folder: of the version.
      name: by which the module is served.
      signatures: name -> concrete function, as they are saved.
    """
    path = pathlib.Path(folder) / FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, function in signatures.items():
            specs = tf.nest.flatten(function.structured_input_signature)
            for batch in _BATCHES.get(signature, (1,)):
                inputs = {
                    spec.name: tf.zeros([batch, *spec.shape[1:]], spec.dtype)
                    for spec in specs
                    # Of labels, where a model has none.
                    if spec is not None
                }
                writer.write(prediction_log(name, signature, inputs))


def prediction_log(name, signature, inputs):
    """A request that was made, as `tensorflow.serving.PredictionLog`.

    Args:
      name: of the module.
      signature: name of the signature.
      inputs: name -> tensor.

    Returns:
      Its bytes.
    """
    model_spec = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for key, value in inputs.items():
        tensor = tf.make_tensor_proto(value.numpy())
        entry = _field(1, key.encode())
        request += _field(2, entry + _field(2, tensor.SerializeToString()))
    # PredictionLog.predict_log, PredictLog.request.
    return _field(6, _field(1, request))


def _field(number, content):
    """A field of a message: its number, its length and its bytes."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number):
    """A number as protocol buffers write it, 7 bits a byte, low ones first."""
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
