#!/usr/bin/env bash
# Evaluates the embedded model after make.sh, on corpora that it was not trained on:
#
#     bash examples/tiny/evaluate.sh RAVDESS NEMO EMOSPEECH OUT
#
# OUT gets unseen.json with the results by corpus, language, sex and duration, plain.json with
# those of the wake words that were set aside, and altered.json with those of RAVDESS by condition.
set -euo pipefail
ravdess=$1 nemo=$2 emospeech=$3 out=$4
here=$(dirname "$0")

corpus() { python "$here/../corpora/make.py" "$@"; }
corpus ravdess "$ravdess" "$out/ravdess.jsonl.gz"
corpus nemo "$nemo" "$out/nemo.jsonl.gz"
corpus emospeech "$emospeech" "$out/emospeech.jsonl.gz"
cat "$out"/{ravdess,nemo,emospeech}.jsonl.gz > "$out/unseen.jsonl.gz"

evaluate() { emo2vec evaluate "$@" --label-map "$here/labels.yaml" --model "$out/tiny"; }
evaluate "$out/unseen.jsonl.gz" --by corpus --by language --by gender --report "$out/unseen.json"
evaluate "$out/aside.jsonl.gz" --by corpus --report "$out/plain.json"
python "$here/../conditions/make.py" "$out/ravdess.jsonl.gz" "$out/altered" \
  --label-map "$here/labels.yaml"
evaluate "$out/altered/cuts.jsonl" --by condition --report "$out/altered.json"
