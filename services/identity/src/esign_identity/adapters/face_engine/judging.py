"""Judges the frames of one challenge, inside a worker process."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from esign_identity.adapters.face_engine import sights
from esign_identity.adapters.face_engine.images import BadImage, decode_frame, decode_portrait
from esign_identity.adapters.face_engine.models import FaceModels, Floats, Mesh
from esign_identity.adapters.face_engine.sights import Action, Sight
from esign_identity.domain.liveness import FaceAction, FrameReport, FrameVerdict, distance

FEWEST_FRAMES: Final = 6
MOST_FRAMES: Final = 100
_PRESENT: Final = 0.5
_SEEN_SHARE: Final = 0.7
_BYSTANDER: Final = 0.4
_ALONE_SHARE: Final = 0.9
_SAME_FACE: Final = 0.50
_SAME_FACE_IN_ACTION: Final = 0.60
_EMBEDDED: Final = 3

# Points of the mesh.
_NOSE, _CHEEKS, _LIPS, _MOUTH_CORNERS, _FOREHEAD_CHIN = 1, (234, 454), (13, 14), (78, 308), (10, 152)


@dataclass(frozen=True, slots=True)
class _Frame:
    """`faces`: how many stand before the camera; `luma` of the whole image; `sight` of the only usable one."""

    faces: int
    luma: float
    sight: Sight | None


class FaceJudge:
    """Judges and recognises, with models of its own."""

    def __init__(self) -> None:
        self._models = FaceModels()

    def judge(self, action: FaceAction, frames: Sequence[bytes]) -> FrameReport:
        """What JPEG frames of one challenge show."""
        seen: list[_Frame] = []
        if len(frames) > MOST_FRAMES:
            return FrameReport(FrameVerdict.BAD_IMAGE)
        for index, data in enumerate(frames):
            try:
                seen.append(self._look(index, decode_frame(data)))
            except BadImage:
                return FrameReport(FrameVerdict.BAD_IMAGE, tuple(one.faces for one in seen))
        faces = tuple(one.faces for one in seen)
        found = [one.sight for one in seen if one.sight is not None]
        trouble = _trouble(seen, found)
        quality = _quality(seen, found)
        if trouble is not None:
            return FrameReport(trouble, faces, quality=quality)
        shown = sights.find_action(action, found)
        if shown is None:
            return FrameReport(FrameVerdict.ACTION_NOT_SEEN, faces, quality=quality)
        embeddings, straight_apart, action_apart = self._recognise(shown, frames)
        quality |= {"straight_distance": round(straight_apart, 3), "action_distance": round(action_apart, 3)}
        if straight_apart > _SAME_FACE or action_apart > _SAME_FACE_IN_ACTION:
            return FrameReport(FrameVerdict.CHANGED, faces, quality=quality)
        return FrameReport(FrameVerdict.OK, faces, embeddings, quality)

    def embed(self, data: bytes) -> bytes | None:
        """The embedding of the only face in a portrait, if it can be seen well enough."""
        try:
            image = decode_portrait(data)
        except BadImage:
            return None
        frame, mesh = self._find(0, image)
        if mesh is None or frame.sight is None or frame.faces != 1 or abs(frame.sight.yaw) > sights.TURNED:
            return None
        return self._models.embedding(image, mesh)

    def _look(self, index: int, image: Image.Image) -> _Frame:
        return self._find(index, image)[0]

    def _find(self, index: int, image: Image.Image) -> tuple[_Frame, Mesh | None]:
        luma = float(np.asarray(image.convert("L").reduce(8)).mean())
        detections = self._models.detect(image)
        faces = sum(1 for one in detections if one.width > _BYSTANDER * detections[0].width)
        if not faces:
            return _Frame(0, luma, None), None
        mesh = self._models.mesh(image, detections[0])
        if mesh.presence < _PRESENT:
            return _Frame(faces, luma, None), None
        sight = _measure(index, mesh, self._models.eye_apertures(image, mesh))
        if sight.width < sights.SMALLEST_FACE:
            return _Frame(faces, luma, None), None
        return _Frame(faces, luma, sight), mesh

    def _recognise(self, shown: Action, frames: Sequence[bytes]) -> tuple[tuple[bytes, ...], float, float]:
        """Embeddings of straight looks, best first, and how far they and the action are at most from the best one.

        Beside the best, the first and the last straight look are taken: whoever changes faces does it between them.
        """
        best = shown.straight[0]
        by_time = sorted(shown.straight, key=lambda one: one.index)
        straight = list(dict.fromkeys((best, by_time[0], by_time[-1])))[:_EMBEDDED]
        embeddings = tuple(self._embedding(frames[one.index]) for one in straight)
        moment = shown.moment
        of_action = embeddings[straight.index(moment)] if moment in straight else self._embedding(frames[moment.index])
        return (
            embeddings,
            max(distance(embeddings[0], one) for one in embeddings),
            distance(embeddings[0], of_action),
        )

    def _embedding(self, data: bytes) -> bytes:
        """Decodes and finds it again: cheaper than to keep every frame's pixels."""
        image = decode_frame(data)
        return self._models.embedding(image, self._models.mesh(image, self._models.detect(image)[0]))


def _trouble(seen: Sequence[_Frame], found: Sequence[Sight]) -> FrameVerdict | None:
    if len(seen) < FEWEST_FRAMES:
        return FrameVerdict.TOO_FEW_FRAMES
    if statistics.median(one.sight.brightness if one.sight else one.luma for one in seen) < sights.DARKEST:
        return FrameVerdict.TOO_DARK
    if len(found) < _SEEN_SHARE * len(seen):
        return FrameVerdict.NO_FACE
    if sum(1 for one in seen if one.faces <= 1) < _ALONE_SHARE * len(seen):
        return FrameVerdict.SEVERAL_FACES
    if statistics.median(one.sharpness for one in found) < sights.BLURRIEST:
        return FrameVerdict.BLURRED
    return None


def _quality(seen: Sequence[_Frame], found: Sequence[Sight]) -> dict[str, float]:
    quality: dict[str, float] = {"frames": len(seen), "seen": len(found)}
    if found:
        eyes = [sum(one.eyes) / 2 for one in found]
        quality |= {
            "width": round(statistics.median(one.width for one in found), 1),
            "brightness": round(statistics.median(one.brightness for one in found), 1),
            "sharpness": round(statistics.median(one.sharpness for one in found), 1),
            "yaw_min": round(min(one.yaw for one in found), 3),
            "yaw_max": round(max(one.yaw for one in found), 3),
            "aperture_min": round(min(eyes), 3),
            "aperture_max": round(max(eyes), 3),
            "mouth_max": round(max(one.mouth for one in found), 3),
        }
    return quality


def _measure(index: int, mesh: Mesh, eyes: tuple[float, float]) -> Sight:
    points = mesh.points[:, :2]
    right_cheek, left_cheek = points[_CHEEKS[0]], points[_CHEEKS[1]]
    across = left_cheek - right_cheek
    width = max(float(np.linalg.norm(across)), 1.0)
    nose = float((points[_NOSE] - right_cheek) @ across) / width**2
    gray = np.asarray(mesh.crop.convert("L"), dtype=np.float32)
    face = gray[32:-32, 32:-32]
    brightness = float(face.mean())
    laplacian = 4 * face[1:-1, 1:-1] - face[:-2, 1:-1] - face[2:, 1:-1] - face[1:-1, :-2] - face[1:-1, 2:]
    return Sight(
        index=index,
        width=width,
        yaw=2 * nose - 1,
        eyes=eyes,
        mouth=_length(points, _LIPS) / max(_length(points, _MOUTH_CORNERS), 1.0),
        shape=_length(points, _FOREHEAD_CHIN) / width,
        brightness=brightness,
        sharpness=float(laplacian.var()) * (128 / max(brightness, 1.0)) ** 2,
    )


def _length(points: Floats, ends: tuple[int, int]) -> float:
    return float(np.linalg.norm(points[ends[0]] - points[ends[1]]))
