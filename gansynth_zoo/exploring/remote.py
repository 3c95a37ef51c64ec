"""A model that another server has, asked as if it were here."""

import http.client
import json
import urllib.error
import urllib.request

from gansynth_zoo.export import rest_model

# Bytes of an answer at the most, and seconds in which it has to come.
_MOST_BYTES = 2**28
_SECONDS = 60.0


class Remote:
    """Stands where a `rest_model.Model` does, and passes requests on.

    So a page that may only ask its own server hears the sounds of TF Serving.

    Attributes:
      name: by which it is asked for, here and there.
      version: str, of the module that is here.

    Args:
      model: the `rest_model.Model` that is here; it tells all but the sounds.
      url: of the other server, as http://host:8501.
    """

    def __init__(self, model, url):
        self.name, self.version = model.name, model.version
        self.status, self.metadata = model.status, model.metadata
        self._url = f"{url.rstrip('/')}/v1/models/{model.name}:predict"

    def predict(self, body, most_rows):
        """Passes a request on.

        Args:
          body: bytes of JSON.
          most_rows: not looked at; the other server has limits of its own.

        Returns:
          Bytes of JSON.

        Raises:
          Refused: as the other server does; status 503 if there is none.
        """
        del most_rows
        request = urllib.request.Request(
            self._url, body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                content = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                sentence = _sentence(error.read(2**16))
            raise rest_model.Refused(
                error.code, f"{self._url} answers: {sentence}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise rest_model.Refused(
                503, f"{self._url} cannot be asked ({error}); is it running?"
            ) from error
        if len(content) > _MOST_BYTES:
            raise rest_model.Refused(413, "The answer is too large.")
        return content


def _sentence(content):
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")
