#!/usr/bin/env bash
# Evaluates the embedded model after make.sh, on corpora that it was not trained on:
#
#     bash examples/tiny/evaluate.sh RAVDESS NEMO EMOSPEECH OUT
#
# OUT gets unseen.json with the results by corpus, language, sex and duration, altered.json with
# those of RAVDESS by condition, and plain.json with the words of make.sh that were set aside, with
# which the scores were calibrated.
set -euo pipefail
if [ $# -ne 4 ]; then
  echo "usage: bash $0 RAVDESS NEMO EMOSPEECH OUT" >&2
  exit 2
fi
ravdess=$1 nemo=$2 emospeech=$3 out=$4
here=$(dirname "$0")

corpus() { [ -e "$3" ] || python "$here/../corpora/make.py" "$@"; }
corpus ravdess "$ravdess" "$out/ravdess.jsonl.gz"
corpus nemo "$nemo" "$out/nemo.jsonl.gz"
corpus emospeech "$emospeech" "$out/emospeech.jsonl.gz"
cat "$out"/{ravdess,nemo,emospeech}.jsonl.gz > "$out/unseen.jsonl.gz"
[ -e "$out/altered" ] || python "$here/../conditions/make.py" "$out/ravdess.jsonl.gz" \
  "$out/altered" --label-map "$here/labels.yaml"

evaluate() {
  emo2vec evaluate "$1" --label-map "$here/labels.yaml" --model "$out/tiny" "${@:2}"
}
evaluate "$out/unseen.jsonl.gz" --by corpus --by language --by gender --report "$out/unseen.json"
evaluate "$out/altered/cuts.jsonl" --by condition --report "$out/altered.json"
evaluate "$out/aside.jsonl.gz" --by corpus --report "$out/plain.json"
