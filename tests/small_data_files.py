"""Small files in the formats of the public data sets, for tests."""

import gzip
import io
import struct
import tarfile
import wave
import zipfile

import numpy as np


def idx_payload(array: np.ndarray, *, type_code: int = 0x08) -> bytes:
    header = bytes([0, 0, type_code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_gz(array: np.ndarray, *, level: int = 9) -> bytes:
    return gzip.compress(idx_payload(array), compresslevel=level, mtime=0)


def amat_text(images: np.ndarray) -> bytes:
    lines = (" ".join(map(str, image.ravel())) for image in images)
    return "".join(line + "\n" for line in lines).encode()


def cifar_records(images: np.ndarray, labels: np.ndarray) -> bytes:
    pairs = zip(labels, images, strict=True)
    return b"".join(bytes([label]) + image.astype(np.uint8).tobytes() for label, image in pairs)


def tar_gz(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)  # the same bytes in every process


def cifar_archive(images: np.ndarray, labels: np.ndarray, *, batch: int) -> bytes:
    """Five training batches and the test batch, `batch` images each, packed last to first."""
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    members = {}
    for place, name in enumerate(names):
        part = slice(place * batch, (place + 1) * batch)
        path = f"cifar-10-batches-bin/{name}.bin"
        members[path] = cifar_records(images[part], labels[part])
    return tar_gz(dict(reversed(members.items())))


def wav_bytes(samples: np.ndarray, *, rate: int = 8000, n_channels: int = 1) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(n_channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def zip_bytes(members: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def spoken_digits_zip(recordings: dict[str, np.ndarray], *, folder: str = "digits-main") -> bytes:
    """A zip as a code host packs the repository: its one folder also holds other files."""
    members = {f"{folder}/README.md": b"not a recording"}
    for name, samples in recordings.items():
        members[f"{folder}/recordings/{name}"] = wav_bytes(samples)
    return zip_bytes(members)
