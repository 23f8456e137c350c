"""A real pyannote.audio speaker diarization pipeline, built offline with random weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

DIMENSION = 32
DURATION = 2.0


def build_pipeline(folder: Path, *, legacy: bool = False) -> Any:
    """Return a `SpeakerDiarization` whose random networks find several, overlapping speakers."""
    import torch

    from emo2vec_plugins.integrations.pyannote import pipeline as pyannote_pipeline  # noqa: F401 - no telemetry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio.core.plda import PLDA
        from pyannote.audio.pipelines import SpeakerDiarization

        with torch.random.fork_rng():
            torch.manual_seed(7)
            pipeline = SpeakerDiarization(
                legacy=legacy,
                segmentation=_segmentation(),
                segmentation_step=0.5,
                embedding=_embedding(),
                plda=PLDA(*_plda_files(folder), lda_dimension=DIMENSION),
                clustering="AgglomerativeClustering",
                segmentation_batch_size=4,
                embedding_batch_size=4,
            )
    return pipeline.instantiate(
        {
            "segmentation": {"min_duration_off": 0.04},
            "clustering": {"method": "average", "threshold": 0.01, "min_cluster_size": 1},
        }
    )


def build_from_config(folder: str, *, token: str | None, cache_dir: str | None) -> Any:
    """Build the pipeline of a config.yaml and keep the arguments for tests."""
    pipeline = build_pipeline(Path(folder))
    pipeline.arguments = {"token": token, "cache_dir": cache_dir}
    return pipeline


def _segmentation() -> Any:
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    model = PyanNet(
        lstm={"hidden_size": 16, "num_layers": 1}, linear={"hidden_size": 16, "num_layers": 1}
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=DURATION,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    with torch.no_grad():
        # After initialisation, all classes are almost equally likely. Now they depend on the audio.
        model.classifier.weight *= 50
        model.lstm.weight_ih_l0 *= 5
    return model.eval()


def _embedding() -> Any:
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import XVectorSincNet

    model = XVectorSincNet(sincnet={"stride": 40}, dimension=DIMENSION)  # fast: few frames
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=DURATION
    )
    return model.eval()


def _plda_files(folder: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(0)
    transform, plda = folder / "xvec_transform.npz", folder / "plda.npz"
    np.savez(
        transform,
        mean1=np.zeros(DIMENSION),
        mean2=np.zeros(DIMENSION),
        lda=random.standard_normal((DIMENSION, DIMENSION)),
    )
    np.savez(
        plda,
        mu=np.zeros(DIMENSION),
        tr=np.eye(DIMENSION),
        psi=np.linspace(2.0, 1.0, DIMENSION),
    )
    return transform, plda
