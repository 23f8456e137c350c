#!/usr/bin/env bash
# Trains and calibrates the embedded model, from the folders of four corpora:
#
#     bash examples/tiny/make.sh EMODB PICOVOICE MYCROFT EMOGATOR OUT
#
# OUT, a new folder, gets the manifests, the model before calibration (OUT/trained) and the model
# (OUT/tiny). After an interruption, repeat the command. The extras train and rooms are needed;
# examples/corpora/README.md says where the corpora are.
set -euo pipefail
if [ $# -ne 5 ]; then
  echo "usage: bash $0 EMODB PICOVOICE MYCROFT EMOGATOR OUT" >&2
  exit 2
fi
emodb=$1 picovoice=$2 mycroft=$3 emogator=$4 out=$5
here=$(dirname "$0")
mkdir -p "$out"

corpus() { [ -e "$3" ] || python "$here/../corpora/make.py" "$@"; }
corpus emodb "$emodb" "$out/emodb.jsonl.gz"
corpus picovoice "$picovoice" "$out/picovoice.jsonl.gz"
corpus mycroft "$mycroft" "$out/mycroft.jsonl.gz"
corpus emogator "$emogator" "$out/bursts.jsonl.gz" --label-map "$here/bursts.yaml"

# Plain speech: wake words. One word of each corpus is set aside, to calibrate with.
aside='^{"id": "(picovoice_jarvis_|mycroft_athena)'
gzip -cd "$out"/{picovoice,mycroft}.jsonl.gz | grep -vE "$aside" | gzip -n > "$out/plain.jsonl.gz"
gzip -cd "$out"/{picovoice,mycroft}.jsonl.gz | grep -E "$aside" | gzip -n > "$out/aside.jsonl.gz"

emo2vec train "$out/emodb.jsonl.gz" --also "$out/plain.jsonl.gz" --label-map "$here/labels.yaml" \
  --recipe "$here/recipe.yaml" --card-notes "$here/card.md" --title tiny \
  --threads 1 --device cpu -o "$out/trained"

# With sounds and words that it was not trained on, so that scores mean what they say elsewhere, too.
cat "$out"/{bursts,aside}.jsonl.gz > "$out/calibration.jsonl.gz"
[ -e "$out/tiny" ] || emo2vec calibrate "$out/calibration.jsonl.gz" --by speaker --coverage 0.9 \
  --model "$out/trained" -o "$out/tiny"
