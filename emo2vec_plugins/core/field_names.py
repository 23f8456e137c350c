"""Names that the field for labels must not have, because a host uses them for something else.

A custom field of a Lhotse object with the name of an attribute can be written but not read:
``supervision.text`` stays the text. In records of other hosts, the label would replace a value.
"""

from __future__ import annotations

from emo2vec_plugins.errors import OptionsError

SUFFIXES = (
    *("score", "scores", "flags", "reason", "overlap_ratio", "doubt", "model", "turns"),
    *("embedding", "frames", "frames_start", "frames_shift", "source", "before"),
    *("rejected", "window_votes", "second", "second_model"),
)
"""Fields beside the label are named ``FIELD_SUFFIX``."""

OF_LHOTSE = frozenset(
    (
        *("alignment", "append", "attach_image", "attach_tensor", "channel", "clip_amplitude"),
        *("compress", "compute_and_store_features", "compute_features", "copy", "custom"),
        *("cut_into_windows", "cut_into_windows_balanced", "dereverb_wpe", "drop_alignments"),
        *("drop_custom", "drop_features", "drop_in_memory_data", "drop_recording"),
        *("drop_supervisions", "duration", "end", "extend_by", "feat_value", "features"),
        *("features_type", "fill_supervision", "filter_supervisions", "first_non_padding_cut"),
        *("first_non_padding_track", "frame_shift", "from_dict", "from_mono", "gender", "has"),
        *("has_custom", "has_features", "has_overlapping_supervisions", "has_recording"),
        *("has_video", "id", "index_supervisions", "is_in_memory", "iter_data", "language"),
        *("load_audio", "load_custom", "load_features", "load_video", "map", "map_supervisions"),
        *("merge_supervisions", "mix", "move_to_memory", "narrowband", "normalize_loudness"),
        *("num_channels", "num_features", "num_frames", "num_samples", "pad", "perturb_speed"),
        *("perturb_tempo", "perturb_volume", "play_audio", "plot_alignment", "plot_audio"),
        *("plot_features", "plot_tracks_audio", "plot_tracks_features", "recording"),
        *("recording_id", "resample", "reverb_rir", "sampling_rate", "save_audio", "speaker"),
        *("speakers_audio_mask", "speakers_feature_mask", "split", "start", "supervisions"),
        *("supervisions_audio_mask", "supervisions_feature_mask", "text", "to_dict", "to_mono"),
        *("tracks", "transform_alignment", "transform_text", "transforms", "trim"),
        *("trim_to_alignments", "trim_to_supervision_groups", "trim_to_supervisions"),
        *("trimmed_supervisions", "truncate", "unmix", "video", "with_alignment"),
        *("with_channels", "with_custom", "with_features_path_prefix", "with_id", "with_offset"),
        *("with_recording_path_prefix",),
    )
)
"""Attributes and methods of Lhotse's cuts and supervisions."""

OF_OTHERS = frozenset(
    (
        *("audio", "audio_filepath", "chars", "file", "key", "offset", "rttm_filepath", "seek"),
        *("segments", "sentence_info", "spk", "timestamp", "tokens", "words"),
    )
)
"""Keys of NeMo, Whisper, FunASR and audformat that describe a turn or its audio."""


def check_field(field: str) -> None:
    """Check that a name is free for the field with labels, and for the fields beside it.

    Raises:
        OptionsError: If the name is no identifier, begins with an underscore, which is for the
            attributes of Python and Lhotse, or a host or another field uses it.
    """
    if not isinstance(field, str) or not field.isidentifier() or field.startswith("_"):
        raise OptionsError(
            "field must be an identifier that does not begin with an underscore, got "
            f"{field!r:.100}"
        )
    names = {field, *(f"{field}_{suffix}" for suffix in SUFFIXES)}
    if taken := sorted(names & OF_LHOTSE) + sorted({field} & OF_OTHERS):
        raise OptionsError(
            f"field {field!r} is not free: Lhotse or another toolkit uses {', '.join(taken)}; "
            "choose another name"
        )
    if suffix := next((each for each in SUFFIXES if field.endswith(f"_{each}")), None):
        raise OptionsError(
            f"field {field!r} is not free: the field {field.removesuffix(f'_{suffix}')!r} would "
            f"use it for its {suffix}; choose another name"
        )
