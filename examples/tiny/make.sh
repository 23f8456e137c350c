#!/usr/bin/env bash
# Trains and calibrates the embedded model, from the folders of four corpora:
#
#     bash examples/tiny/make.sh EMODB PICOVOICE MYCROFT EMOGATOR OUT
#
# OUT, a new folder, gets the manifests, the model before calibration (OUT/trained) and the model
# (OUT/tiny). examples/corpora/README.md says where the corpora are.
set -euo pipefail
emodb=$1 picovoice=$2 mycroft=$3 emogator=$4 out=$5
here=$(dirname "$0")
mkdir "$out"

corpus() { python "$here/../corpora/make.py" "$@"; }
corpus emodb "$emodb" "$out/emodb.jsonl.gz"
corpus picovoice "$picovoice" "$out/picovoice.jsonl.gz"
corpus mycroft "$mycroft" "$out/mycroft.jsonl.gz"
corpus emogator "$emogator" "$out/bursts.jsonl.gz" --label-map "$here/bursts.yaml"

# Plain speech: wake words. One word of each corpus is set aside, to calibrate and to evaluate on.
aside='/jarvis/|/athena/'
gzip -cd "$out"/{picovoice,mycroft}.jsonl.gz | grep -vE "$aside" | gzip -n > "$out/plain.jsonl.gz"
gzip -cd "$out"/{picovoice,mycroft}.jsonl.gz | grep -E "$aside" | gzip -n > "$out/aside.jsonl.gz"

emo2vec train "$out/emodb.jsonl.gz" --also "$out/plain.jsonl.gz" --label-map "$here/labels.yaml" \
  --recipe "$here/recipe.yaml" --card-notes "$here/card.md" --title tiny \
  --threads 1 --device cpu -o "$out/trained"

# With sounds and voices that it was not trained on, so that scores mean what they say elsewhere, too.
cat "$out"/{bursts,aside}.jsonl.gz > "$out/calibration.jsonl.gz"
emo2vec calibrate "$out/calibration.jsonl.gz" --by speaker --coverage 0.9 \
  --model "$out/trained" -o "$out/tiny"
