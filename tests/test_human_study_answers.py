import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.listening import answers
from gansynth_zoo.listening import tasks

QUALITY = tasks.TASKS["quality"]
TRIALS = {"t1": answers.Trial(["s"], "", [])}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expected a column 'listener' in line 1"),
        ("listener,answer\nann,1\n", "Expected a column 'trial' in line 1"),
        ("listener,trial,answer\n", "received none"),
        ("listener,trial,answer\nann,t1,\n", "received none"),
        ("listener,trial,answer\nann,t1,6\n", "line 2, column answer"),
        ("listener,trial,answer\nann,t00,1\n", "line 2, column trial"),
        ("listener,trial,answer\n,t1,1\n", "line 2, column listener"),
        ("listener,trial,answer\nann,t1\n", "line 2 .*received fewer"),
        ("listener,trial,answer\nann,t1,1,2\n", "line 2 .*received more"),
        ('listener,trial,answer\n"ann,t1,1\n', "Expected CSV in line"),
        ("listener,trial,answer\n\udcff,t1,1\n", "in UTF-8"),
        ("WorkerId,Answer.answer_1\nW,1\n", "Expected columns Input.trial_1"),
        ("WorkerId,Input.trial_1,Answer.answer_1\nW,t0,1\n", "Input.trial_1"),
        ("WorkerId,Input.trial_1,Answer.answer_1\nW,t1,9\n", "answer_1"),
    ],
)
def test_broken_results_are_one_sentence(tmp_path, text, words):
    path = tmp_path / "broken.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(errors.ZooError, match=words) as caught:
        answers.read([path], QUALITY, TRIALS)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_no_file_of_results_is_a_traceback(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(b"listener,trial,answer\n" + content)
    with pytest.raises(errors.ZooError):
        answers.read([path], QUALITY, TRIALS)


def test_results_that_a_spreadsheet_saved_are_read(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "\ufefflistener;trial;answer\r\nann;t1;4\r\nann;t1;5\r\n",
        "utf-8",
    )
    read = answers.read([path, path], QUALITY, TRIALS)
    assert read.given == [answers.Answer("ann", "t1", "4")]
    assert read.repeated == {"ann": 3}


def test_a_foreign_key_is_refused(tmp_path):
    columns = "task,trial,slot,file,source,sound,label,allowed\n"
    for text, words in (
        ("a,b\n1,2\n", "Expected a column 'task'"),
        (columns, "received none"),
        (columns + "cats,t,a,f,s,n,l,\n", "line 2, column task"),
    ):
        (tmp_path / "key.csv").write_text(text)
        with pytest.raises(errors.ZooError, match=words):
            answers.read_key(tmp_path / "key.csv")
