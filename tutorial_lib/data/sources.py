"""Where the public files of each data set are, and the checksums that they must have.

Which checksums are confirmed by real bytes, and which only quoted:

- confirmed, computed from full copies while this package was written: Fashion-MNIST (decompressed
  files), binarized MNIST (its three sums are also the published ones), spoken digits (the 3000
  recordings of the master branch; `remote_file` says what is hashed);
- quoted from several independent projects that agree, never held against bytes here: MNIST
  (decompressed files) and CIFAR-10 (binary archive; the MD5 on its authors' page is
  c32a1d4ab5d03f1284b67883e8d87530).

A wrong quotation cannot let wrong data in: it could only make a good download be refused, loudly.
"""

from tutorial_lib.data.remote_file import RemoteFile

IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _idx_files(
    folder: str, addresses: list[str], sums: list[tuple[str, int]]
) -> tuple[RemoteFile, ...]:
    """Gzipped IDX files from the SHA-256 of each payload and the size of its download."""
    return tuple(
        RemoteFile(folder + name, tuple(url + name for url in addresses), sha256, n_bytes, "gzip")
        for name, (sha256, n_bytes) in zip(IDX_NAMES, sums, strict=True)
    )


FASHION_MNIST = _idx_files(
    "fashion-mnist/",
    [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ],
    [
        ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 26_421_880),
        ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 29_515),
        ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 4_422_102),
        ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 5_148),
    ],
)
MNIST = _idx_files(
    "mnist/",
    [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    [
        ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 9_912_422),
        ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 28_881),
        ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 1_648_877),
        ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 4_542),
    ],
)
LAROCHELLE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
BINARIZED_MNIST = tuple(
    RemoteFile(f"binarized-mnist/{name}", (LAROCHELLE + name,), sha256, n_bytes)
    for split, n_bytes, sha256 in [
        ("train", 78_400_000, "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"),
        ("valid", 15_680_000, "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"),
        ("test", 15_680_000, "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"),
    ]
    for name in [f"binarized_mnist_{split}.amat"]
)
CIFAR10 = (
    RemoteFile(
        "cifar10/cifar-10-binary.tar.gz",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
        ),
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170_052_171,
    ),
)
# The sum was taken from a copy of the master branch, so that comes first; should master move on,
# the last release that has these six speakers is asked.
SPOKEN_DIGITS = (
    RemoteFile(
        "spoken-digits/free-spoken-digit-dataset.zip",
        (
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip",
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
        ),
        "8fed8b0b058a7efa7544bbb3e8e98607ecdcbd47a2f0ea31139cab18a6b679c9",
        16_500_000,
        "recordings",
    ),
)
