"""Train ``tiny``, the embedded model, on the Berlin database of acted emotion (EmoDB).

    python examples/train_tiny.py --data EMODB --out tiny

``EMODB`` holds ``labels.csv`` (columns: file, speaker, sex, emotion2vec_label) and ``wav/``, mono
at 16 kHz. The last female and the last male speaker are never trained on; the model card reports
what the very weights that are saved, as float16, get right on those two. Try settings out with
``--validate``, which leaves these two out altogether and tests on some of the others instead.

Beside the package it needs scikit-learn.

Eight minutes of speech are little to learn from, so the network first learns to tell the spectrum
and the periodicity of every frame, for which labels are not needed, and keeps doing it while it
learns the classes.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from sklearn.metrics import confusion_matrix, recall_score
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.model.checkpoint import save_folder
from emo2vec_plugins.model.config import Config
from emo2vec_plugins.model.network import Network
from emo2vec_plugins.packing import lay

TOKENS = ("生气/angry", "开心/happy", "中立/neutral", "难过/sad")
LABELS = tuple(token.rpartition("/")[2] for token in TOKENS)
CONFIG = Config(
    width=96,
    heads=4,
    prenet_depth=1,
    depth=2,
    conv_layers=((24, 10, 5), (32, 3, 2), (48, 3, 2), (64, 3, 2), (96, 3, 2), *[(128, 2, 2)] * 2),
    position_depth=3,
    position_width=57,
)
LOUDNESS = 0.003
"""The norm after the first convolution divides by ``sqrt(variance + 1e-5)``. Input of about the
root of that number leaves it some of the loudness; input of unit variance would lose all of it."""

BATCH = 12
LENGTHS = (44, 47, 50, 53, 56)
"""Of a clip at several tempi, in fiftieths of its own."""

CARD = Path(__file__).with_name("train_tiny_card.md")


@dataclass(frozen=True)
class Clip:
    """One recording, at several tempi (and so pitches), the middle one its own."""

    path: Path
    speaker: str
    label: int
    versions: tuple[Tensor, ...]


def read_clips(data: Path) -> tuple[list[Clip], dict[str, str]]:
    """Return the clips of the four classes, and each speaker's sex."""
    clips, sexes = [], {}
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sexes[row["speaker"]] = row["sex"]
            if row["emotion2vec_label"] in LABELS:
                path = data / "wav" / row["file"]
                samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
                versions = tuple(
                    torchaudio.functional.resample(samples, 50, length) for length in LENGTHS
                )
                label = LABELS.index(row["emotion2vec_label"])
                clips.append(Clip(path, row["speaker"], label, versions))
    return clips, sexes


def last_of_each_sex(sexes: dict[str, str]) -> set[str]:
    """Return two speakers, chosen by nothing but the order of their names."""
    return {max(s for s in sexes if sexes[s] == sex) for sex in ("female", "male")}


def normalize(waveform: Tensor) -> Tensor:
    """Return it with zero mean and unit variance, as the engine gives it to the network."""
    return F.layer_norm(waveform, waveform.shape, eps=1e-5)


def vary(clip: Clip, rng: np.random.Generator) -> Tensor:
    """Return the clip at some tempo, cut, tilted, and with some noise."""
    x = clip.versions[rng.integers(len(LENGTHS))]
    length = round(len(x) * rng.uniform(0.6, 1.0))
    start = rng.integers(len(x) - length + 1)
    x = normalize(x[start : start + length])
    tilt = rng.uniform(-0.4, 0.4)
    x = x - tilt * F.pad(x[:-1], (1, 0))
    noise = torch.from_numpy(rng.standard_normal(length, dtype=np.float32))
    return normalize(x + noise * 10 ** rng.uniform(-2.5, -0.75))


def rounds(
    clips: list[Clip], epochs: int, rng: np.random.Generator
) -> Iterator[tuple[list[Tensor], Tensor]]:
    """Yield batches of varied clips with their labels, every clip once in an epoch."""
    for _ in range(epochs):
        for chosen in np.array_split(rng.permutation(len(clips)), len(clips) // BATCH):
            batch = [clips[i] for i in chosen]
            yield [vary(clip, rng) for clip in batch], torch.tensor([c.label for c in batch])


def run(network: Network, waveforms: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return frame embeddings, shape (frames, width), and logits, shape (clips, classes)."""
    layout = lay([len(x) for x in waveforms], gap=network.gap)
    packed = torch.zeros(layout.samples)
    for start, x in zip(layout.starts, waveforms, strict=True):
        packed[start : start + len(x)] = x
    embeddings, logits = network(LOUDNESS * packed, layout)
    counts = [frames.stop - frames.start for frames in layout.frames]
    return embeddings, torch.stack([clip.mean(0) for clip in logits.split(counts)])


class Hearing(nn.Module):
    """Tells from an embedding what its frame sounds like: spectrum and periodicity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelScale(40, 16_000, n_stft=401)
        self.guess = nn.Linear(width, 80)

    def targets(self, waveform: Tensor) -> Tensor:
        """Return 40 log-mel energies and 40 autocorrelations, shape (frames, 80)."""
        frames = waveform.unfold(0, 400, 320) * torch.hann_window(400)
        power = torch.fft.rfft(frames, 800).abs() ** 2  # (frames, 401)
        mel = (self.mel(power.T).T + 0.1).log() / 3
        correlation = torch.fft.irfft(power)
        lags = correlation[:, 40:280] / (correlation[:, :1] + 1)  # of voices from 57 to 400 Hz
        return torch.cat([mel, 3 * F.max_pool1d(lags[None], 6)[0]], dim=1)

    def loss(self, embeddings: Tensor, waveforms: list[Tensor]) -> Tensor:
        """Return how far off the guesses are."""
        return F.mse_loss(self.guess(embeddings), torch.cat([self.targets(x) for x in waveforms]))


def train(clips: list[Clip], *, epochs: int, seed: int) -> Network:
    """Return a network trained on *clips*: a third of the time on hearing alone."""
    torch.manual_seed(seed)
    network, hearing = Network(CONFIG, len(LABELS)), Hearing(CONFIG.width)
    parameters = [*network.parameters(), *hearing.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1.5e-3, weight_decay=0.05)
    total = epochs * (len(clips) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total, pct_start=0.05)
    counts = np.bincount([clip.label for clip in clips])
    weight = torch.tensor(len(clips) / len(counts) / counts, dtype=torch.float32)
    batches = rounds(clips, epochs, np.random.default_rng(seed))
    for step, (waveforms, labels) in enumerate(batches):
        embeddings, logits = run(network, waveforms)
        loss = hearing.loss(embeddings, waveforms)
        if step > total / 3:
            error = F.cross_entropy(logits, labels, weight, label_smoothing=0.1)
            loss = 0.3 * loss + error
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {total}: loss {loss.item():.3f}", flush=True)
    with torch.no_grad():  # the engine gives unit variance: let the first weights be smaller
        network.modality_encoders["AUDIO"].local_encoder.conv_layers[0][0].weight *= LOUDNESS
    return network


def save(network: Network, folder: Path, card: str = "") -> None:
    """Write a model folder of half precision."""
    tensors = {name: tensor.half() for name, tensor in network.state_dict().items()}
    save_folder(
        folder,
        config=CONFIG,
        tensors=tensors,
        tokens=TOKENS,
        card=card,
        weights="model.safetensors",
    )


def recognise(folder: Path, clips: list[Clip]) -> list[int]:
    """Return the label that the saved model gives each clip, through the public interface."""
    engine = Engine(load_model(str(folder), device="cpu"))
    return [LABELS.index(engine.score(clip.path)[0].label) for clip in clips]


def report(clips: list[Clip], guesses: list[int]) -> str:
    """Return the unweighted average recall and the confusions, as Markdown."""
    truth = [clip.label for clip in clips]
    average = recall_score(truth, guesses, average="macro")
    matrix = confusion_matrix(truth, guesses, labels=range(len(LABELS)))
    lines = [
        f"Unweighted average recall: **{average:.1%}** ({len(clips)} clips; chance is 25 %).",
        "",
        f"| spoken | {' | '.join(f'heard as {label}' for label in LABELS)} | recall |",
        "|---|" + "---:|" * (len(LABELS) + 1),
    ]
    for label, row in zip(LABELS, matrix, strict=True):
        cells = " | ".join(map(str, row))
        lines.append(f"| {label} | {cells} | {row[LABELS.index(label)] / row.sum():.1%} |")
    return "\n".join(lines)


def card(
    results: str, known: list[Clip], unknown: list[Clip], arguments: argparse.Namespace
) -> str:
    """Return the model card."""
    return CARD.read_text("utf-8").format(
        results=results,
        train=len(known),
        known=", ".join(sorted({clip.speaker for clip in known})),
        unknown=" and ".join(sorted({clip.speaker for clip in unknown})),
        width=CONFIG.width,
        parameters=sum(p.numel() for p in Network(CONFIG, len(LABELS)).parameters()),
        epochs=arguments.epochs,
        seed=arguments.seed,
        date=datetime.now(timezone.utc).date(),
        torch=torch.__version__,
    )


def main() -> None:
    """Train, save and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of labels.csv and wav/")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--validate", nargs="+", default=(), metavar="SPEAKER", help="test on these instead"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    clips, sexes = read_clips(arguments.data)
    held_out = last_of_each_sex(sexes)
    if arguments.validate:
        clips = [clip for clip in clips if clip.speaker not in held_out]
        held_out = set(arguments.validate)
    known = [clip for clip in clips if clip.speaker not in held_out]
    unknown = [clip for clip in clips if clip.speaker in held_out]
    network = train(known, epochs=arguments.epochs, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        save(network, Path(temporary) / "tiny")  # what is judged is what is saved
        text = report(unknown, recognise(Path(temporary) / "tiny", unknown))
    print(text)
    shown = "" if arguments.validate else card(text, known, unknown, arguments)
    save(network, arguments.out, shown)


if __name__ == "__main__":
    main()
