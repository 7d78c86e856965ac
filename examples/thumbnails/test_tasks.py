import io

from PIL import Image
from tasks import Thumbnail, Thumbnails, thumbnails

from jobline import State
from jobline.testing import file_id, run

ORDER = Thumbnails(photo=file_id("photo.png"), widths=(100, 50))


def photo() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(content, "PNG")
    return content.getvalue()


def test_thumbnails_keep_the_ratio() -> None:
    outcome = run(thumbnails, ORDER, files={"photo.png": photo()})

    assert outcome.result.thumbnails[0] == Thumbnail(artifact="100.jpg", width=100, height=50)
    assert Image.open(io.BytesIO(outcome.artifacts["50.jpg"])).size == (50, 25)
    assert [report.done for report in outcome.progress] == [1, 2]


def test_text_is_refused_with_a_code() -> None:
    outcome = run(thumbnails, ORDER, files={"photo.png": b"not a photo"})

    assert outcome.error is not None
    assert outcome.error.code == "photos.unreadable"


def test_cancelled_job_stops_after_the_thumbnail_it_is_at() -> None:
    outcome = run(thumbnails, ORDER, files={"photo.png": photo()}, cancelled=True)

    assert outcome.state is State.REVOKED
    assert outcome.artifacts == {}
