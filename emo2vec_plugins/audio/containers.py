"""Recognising audio files, by suffix or by first bytes, without decoding them.

This is the package's only list of audio containers.
"""

from __future__ import annotations

READABLE_SUFFIXES = frozenset(
    (
        *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".nist", ".oga", ".ogg"),
        *(".opus", ".rf64", ".snd", ".sph", ".voc", ".w64", ".wav", ".wave"),
    )
)
"""Suffixes, in lower case, of audio files that libsndfile reads.

They select the files of a folder; a file passed by name may have any suffix.
"""

UNREADABLE_SUFFIXES = frozenset(
    (
        *(".3gp", ".aac", ".ac3", ".amr", ".ape", ".avi", ".flv", ".m4a", ".m4b", ".m4v"),
        *(".mka", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ra", ".ram", ".tta", ".webm"),
        *(".wma", ".wmv", ".wv"),
    )
)
"""Suffixes of media files that libsndfile does not read; report these files, do not skip them."""

HEADS = (b"fLaC", b"OggS", b"ID3", b".snd", b"caff", b"NIST_1A", b"\x1a\x45\xdf\xa3")
"""First bytes of FLAC, Ogg, MP3 with a tag, AU, CAF, SPHERE and Matroska files."""

FORMS = {
    b"RIFF": (b"WAVE",),
    b"RIFX": (b"WAVE",),
    b"RF64": (b"WAVE",),
    b"BW64": (b"WAVE",),
    b"FORM": (b"AIFF", b"AIFC"),
}
"""First four bytes of chunked files, and the possible values of bytes 8 to 11."""

KILOBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MP3, with the key True for MPEG 1; the header has an index into the list, from 1."""

RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Sampling rates of MP3, by the two version bits of the header."""


def is_audio_file(data: bytes) -> bool:
    """Return whether *data* starts like an audio file.

    MP3 without a tag has no signature, only frames with headers. Raw samples can look like a frame
    header by chance, so two consecutive frames are required.
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
    """Return the length of an MP3 frame (layer III) in bytes, or None for another header."""
    # 11 set bits, then the version, then 01 for layer III.
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in RATES or rate == 3 or not 0 < bitrate < 15:
        return None
    first = version == 3
    bits = KILOBITS[first][bitrate - 1] * 1000
    return (144 if first else 72) * bits // RATES[version][rate] + (header[2] >> 1 & 1)
