from __future__ import annotations

import pytest

from vpr_data import FolderDataset
from vpr_data.tables.frame_numbers import frame_numbers


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["000000_cam0.jpg", "000001_cam0.jpg", "000002_cam0.jpg"], [0, 1, 2]),
        (["cam0_7.png", "cam1_7.png", "cam0_8.png"], [7, 7, 8]),
        (["walk-640x480-0007.jpg", "walk-640x480-0009.jpg"], [7, 9]),
        (["2024-05-01_frame12_3.jpg", "2024-05-01_frame13_4.jpg"], [12, 13]),
        (["a/1.jpg", "b/1.jpg"], [1, 1]),
        (["img_0031.jpg", "7.png"], [31, 7]),
        (["0001_view2.jpg", "0001_view3.jpg"], None),
        (["12_5.jpg", "13_6.jpg"], None),
        (["20240501_120000.jpg", "20240502_120001.jpg"], None),
        (["12_5.jpg", "13.jpg"], None),
        (["1_1.jpg"], None),
        (["a.jpg"], None),
    ],
)
def test_the_number_that_varies_is_the_frame(names, frames):
    if frames is None:
        with pytest.raises(ValueError, match=r"several numbers that could be the frame \(|no number to be its frame"):
            frame_numbers(names)
    else:
        assert [int(text) for text in frame_numbers(names)] == frames


def test_frames_of_a_folder_with_a_camera_number(tmp_path, photo):
    for role, shift in (("database", 0), ("queries", 10)):
        for number in range(3):
            photo(f"{role}/{shift + number:06d}_cam0.jpg")
    photo("queries/cover.jpg")
    split = FolderDataset(root=tmp_path, unit="frame", radius=1).split("test")
    assert split.database.xy[:, 0].tolist() == [0, 1, 2]
    assert split.queries.xy[:, 0].tolist() == [10, 11, 12]
    assert split.notes == ("6 of 7 images have a position; left out: queries/cover.jpg (no number)",)
