"""Pictures of all shapes as upright squares."""

from PIL import Image

from trainer.config import Fit
from trainer.data.pictures.orientation import upright

Box = tuple[float, float, float, float]
BORDER = (0, 0, 0)  # what "pad" puts around a picture: black


def resized_size(width: float, height: float, side: int, fit: Fit) -> tuple[int, int]:
    """Return the size to which a picture, or with "crop" its centre, is resized."""
    if fit != "pad":
        return side, side
    longer = max(width, height)
    return max(1, round(width / longer * side)), max(1, round(height / longer * side))


def square(
    picture: Image.Image, box: Box, side: int, *, fit: Fit, orientation: int = 1
) -> Image.Image:
    """Return an upright square, resized with antialiasing (bicubic).

    Args:
        picture: The picture as it lies in its file.
        box: The part of `picture` to take.
        side: Side of the square, pixels.
        fit: "crop" keeps the centre of the longer side, "pad" the whole picture with black
            borders, "squash" the whole picture with another aspect.
        orientation: How the picture lies, 1 to 8.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if fit == "crop":
        short = min(width, height)
        left, top = left + (width - short) / 2, top + (height - short) / 2
        box = (left, top, left + short, top + short)
    size = resized_size(width, height, side, fit)
    # Turned when it is small, which is quicker and gives the same: all of this is symmetric.
    resized = upright(picture.resize(size, Image.Resampling.BICUBIC, box=box), orientation)
    if resized.size == (side, side):
        return resized
    padded = Image.new("RGB", (side, side), BORDER)
    padded.paste(resized, ((side - resized.width) // 2, (side - resized.height) // 2))
    return padded
