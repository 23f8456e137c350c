# The command line, for CPUs:
#   docker build -t emo2vec .
#   docker run --rm -v "$PWD:/data" emo2vec rttm meeting.wav --rttm meeting.rttm -o results --model tiny
# For a GPU, build with --build-arg TORCH_INDEX=https://pypi.org/simple and run with --gpus all.
# Other extras: --build-arg EXTRAS=lhotse,pyannote,openvino
#
# The image itself has not been built yet. Its RUN lines were run on a fresh Debian 12 with Python
# 3.11 and PyTorch from PyPI, up to a working demo.
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=lhotse,pyannote

# pyannote's pipelines decode audio with FFmpeg; this package itself does not need it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY emo2vec_plugins ./emo2vec_plugins
RUN pip install --no-cache-dir "torch<2.12" "torchaudio<2.12" --index-url "$TORCH_INDEX" \
 && pip install --no-cache-dir ".[$EXTRAS]" \
 && emo2vec demo -o /tmp/demo \
 && rm -rf /tmp/demo

# Downloaded models stay in a volume: -v emo2vec-models:/models
ENV HF_HOME=/models
WORKDIR /data
ENTRYPOINT ["emo2vec"]
CMD ["--help"]
