// The sound: plays all of it, or one turn from its start to its end, and moves the time along.

const audio = byId("audio");
const heard = { possible: false, until: null, frame: 0 };

function unpackSound() {
  const source = byId("sound");
  const content = source.textContent.trim();
  source.remove();
  return content ? URL.createObjectURL(bytesOf(content)) : data.sound.url;
}

/** Bytes from base64, a part at a time: one string of them all would take twice the memory. */
function bytesOf(content) {
  const parts = [];
  for (let place = 0; place < content.length; place += 1 << 20) {
    const part = atob(content.slice(place, place + (1 << 20)));
    parts.push(Uint8Array.from(part, (character) => character.charCodeAt(0)));
  }
  return new Blob(parts, { type: "audio/mpeg" });
}

function openSound() {
  const url = unpackSound();
  byId("about-sound").textContent = data.sound.about;
  setPossible(Boolean(url));
  if (!url) return;
  audio.addEventListener("error", () => loseSound("The sound could not be opened."));
  audio.addEventListener("loadedmetadata", () => {
    if (data.sound.seconds === null && Number.isFinite(audio.duration)) {
      data.sound.seconds = audio.duration;
      lengthen(audio.duration);
    }
    emit("sound");
  });
  audio.src = url;
}

function setPossible(possible) {
  heard.possible = possible;
  for (const id of ["play", "speed", "seek"]) byId(id).disabled = !possible;
  emit("sound");
}

function loseSound(why) {
  byId("about-sound").textContent = `${why} ${data.sound.about}`;
  say(why);
  setPossible(false);
}

function soundEnd() {
  return data.sound.seconds ?? data.end;
}

/** The time that is heard now: a compressed sound is a little late. */
function heardTime() {
  return Math.max(0, audio.currentTime - data.sound.delay);
}

/** Whether the browser can go to a time: not where a server sends files as a whole only. */
function isReachable(time) {
  if (audio.readyState < HTMLMediaElement.HAVE_METADATA) return true;
  const parts = Array.from({ length: audio.seekable.length }, (_, i) => i);
  return parts.some((i) => audio.seekable.start(i) <= time && time <= audio.seekable.end(i) + 0.1);
}

function isBeyondSound(turn) {
  return turn.start >= soundEnd() || turn.end <= 0;
}

/** Play a turn from its start to its end; say why if that cannot be. */
function playTurn(turn) {
  seek(turn.start);
  if (!heard.possible) return "";
  if (isBeyondSound(turn)) {
    audio.pause();
    return "This turn is beyond the sound.";
  }
  if (!isReachable(Math.max(0, turn.start))) {
    audio.pause();
    return "Whoever serves this sound sends it as a whole only: no turn can be played alone.";
  }
  heard.until = turn.end;
  if (turn.end > turn.start) startPlaying();
  return "";
}

function startPlaying() {
  state.following = true;
  audio.play().catch((error) => {
    if (error.name === "NotSupportedError") loseSound("The sound cannot be played.");
    else if (error.name !== "AbortError") say(`The sound was not started: ${error.message}`);
  });
}

function togglePlay() {
  if (!heard.possible) return;
  if (!audio.paused) return audio.pause();
  if (state.time >= soundEnd() - 0.05) seek(0);
  if (heard.until !== null && state.time >= heard.until) heard.until = null;
  startPlaying();
}

function seek(time) {
  heard.until = null;
  state.time = clamp(time, data.start, data.end);
  if (heard.possible) audio.currentTime = clamp(time, 0, soundEnd()) + data.sound.delay;
  emit("time");
}

function follow() {
  state.time = heardTime();
  if (heard.until !== null && state.time >= heard.until) {
    const end = heard.until;
    audio.pause();
    seek(end);
    heard.until = end; // what is played on from here is no longer the turn, which play sees
    return;
  }
  keepInView();
  emit("time");
}

/** Turn the page when the time has run out of it, unless the reader looks elsewhere. */
function keepInView() {
  const { start, end } = state.view;
  const isIn = state.time >= start && state.time <= end;
  if (isIn) state.following = true;
  if (isIn || !state.following) return;
  const from = clamp(state.time - 0.05 * (end - start), data.start, data.end);
  setView(from, from + (end - start));
}

function followFrames() {
  cancelAnimationFrame(heard.frame);
  if (audio.paused) return;
  follow();
  heard.frame = requestAnimationFrame(followFrames);
}

function showPlaying() {
  byId("play").textContent = audio.paused ? "Play" : "Pause";
}

/** The time, and in words which turns are heard at it. */
function showTime() {
  const now = turnsAt(state.time).map((turn) => `${isolated(speakers[turn.speaker].name)}: ${isolated(labelOf(turn))}`);
  byId("time").textContent = `${clock(state.time, 1)} / ${clock(data.end)}`;
  byId("now").textContent = now.join(", ");
  const slider = byId("seek");
  slider.min = Math.max(0, data.start);
  slider.max = data.end;
  slider.value = state.time;
  slider.setAttribute("aria-valuetext", clock(state.time, 1));
}

function startSound() {
  openSound();
  audio.addEventListener("play", () => {
    showPlaying();
    followFrames();
  });
  audio.addEventListener("pause", showPlaying);
  audio.addEventListener("ended", showPlaying);
  // Frames do not come while the page is hidden; these do.
  audio.addEventListener("timeupdate", () => audio.paused || follow());
  byId("play").addEventListener("click", togglePlay);
  byId("seek").addEventListener("input", (event) => {
    seek(Number(event.target.value));
    bringIntoView(state.time, state.time);
  });
  byId("speed").addEventListener("change", (event) => {
    audio.playbackRate = Number(event.target.value);
  });
  on("time kept", showTime);
  showTime();
}
