"""What counts as an audio file: by its ending where folders are searched, else by how it begins.

This is the package's one list of audio containers. Nothing is decoded here.
"""

from __future__ import annotations

READABLE_SUFFIXES = frozenset(
    (
        *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".nist", ".oga", ".ogg"),
        *(".opus", ".rf64", ".snd", ".sph", ".voc", ".w64", ".wav", ".wave"),
    )
)
"""Endings, in lower case, of audio files that libsndfile reads.

They select files in a folder; a file that is named itself may have any ending.
"""

UNREADABLE_SUFFIXES = frozenset(
    (
        *(".3gp", ".aac", ".ac3", ".amr", ".ape", ".avi", ".flv", ".m4a", ".m4b", ".m4v"),
        *(".mka", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ra", ".ram", ".tta", ".webm"),
        *(".wma", ".wmv", ".wv"),
    )
)
"""Endings of files with sound that libsndfile does not read: report them, do not skip them."""

HEADS = (b"fLaC", b"OggS", b"ID3", b".snd", b"caff", b"NIST_1A", b"\x1a\x45\xdf\xa3")
"""First bytes of FLAC, Ogg, MP3 with a tag, AU, CAF, SPHERE and Matroska files."""

FORMS = {
    b"RIFF": (b"WAVE",),
    b"RIFX": (b"WAVE",),
    b"RF64": (b"WAVE",),
    b"BW64": (b"WAVE",),
    b"FORM": (b"AIFF", b"AIFC"),
}
"""First four bytes of files in chunks, and the four from the ninth on."""

KILOBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MP3, by whether it is MPEG 1; the header has the place in this list, from 1."""

RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Sample rates of MP3, by the two bits of the header for the MPEG version."""


def is_audio_file(data: bytes) -> bool:
    """Return whether *data* begins as an audio file does.

    MP3 without a tag has no first bytes of its own, only frames with a header each, which samples
    without a header can contain by chance: two frames in a row are required.
    """
    return (
        data.startswith(HEADS)
        or data[8:12] in FORMS.get(data[:4], ())
        or data[4:8] == b"ftyp"
        or _is_mp3(data)
    )


def _is_mp3(data: bytes) -> bool:
    length = _frame_length(data[:4])
    return length is not None and _frame_length(data[length : length + 4]) is not None


def _frame_length(header: bytes) -> int | None:
    """Return the bytes of an MP3 frame (layer III), None if this is not the header of one."""
    # 11 bits that are all set, and layer III, whose number is 01.
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in RATES or rate == 3 or not 0 < bitrate < 15:
        return None
    first = version == 3
    bits = KILOBITS[first][bitrate - 1] * 1000
    return (144 if first else 72) * bits // RATES[version][rate] + (header[2] >> 1 & 1)
