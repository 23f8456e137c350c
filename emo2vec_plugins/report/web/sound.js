// Playback of the whole recording or of one turn, which moves the cursor.

const audio = byId("audio");
const playback = { possible: false, until: null, frame: 0 };

function unpackSound() {
  const source = byId("sound");
  const content = source.textContent.trim();
  source.remove();
  return content ? URL.createObjectURL(bytesOf(content)) : data.sound.url;
}

/** Decode base64 in parts, because a single string would need twice the memory. */
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
  audio.addEventListener("error", () => disableSound("The audio cannot be opened."));
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
  playback.possible = possible;
  for (const id of ["play", "speed", "seek"]) byId(id).disabled = !possible;
  emit("sound");
}

function disableSound(why) {
  byId("about-sound").textContent = `${why} ${data.sound.about}`;
  announce(why);
  setPossible(false);
}

function soundEnd() {
  return data.sound.seconds ?? data.end;
}

/** The time being played, without the delay of compressed audio. */
function playedTime() {
  return Math.max(0, audio.currentTime - data.sound.delay);
}

/** Whether the browser can seek to a time. It cannot if a server does not send parts of files. */
function isReachable(time) {
  if (audio.readyState < HTMLMediaElement.HAVE_METADATA) return true;
  const parts = Array.from({ length: audio.seekable.length }, (_, i) => i);
  return parts.some((i) => audio.seekable.start(i) <= time && time <= audio.seekable.end(i) + 0.1);
}

function isBeyondAudio(turn) {
  return turn.start >= soundEnd() || turn.end <= 0;
}

/** Play a turn from its start to its end. Return the reason if that is impossible, otherwise "". */
function playTurn(turn) {
  seek(turn.start);
  if (!playback.possible) return "";
  if (isBeyondAudio(turn)) {
    audio.pause();
    return "This turn is beyond the audio.";
  }
  if (!isReachable(Math.max(0, turn.start))) {
    audio.pause();
    return "The server does not send parts of this audio, so single turns cannot be played.";
  }
  playback.until = turn.end;
  if (turn.end > turn.start) startPlaying();
  return "";
}

function startPlaying() {
  state.following = true;
  audio.play().catch((error) => {
    if (error.name === "NotSupportedError") disableSound("The audio cannot be played.");
    else if (error.name !== "AbortError") announce(`Playback failed: ${error.message}`);
  });
}

function togglePlay() {
  if (!playback.possible) return;
  if (!audio.paused) return audio.pause();
  if (state.time >= soundEnd() - 0.05) seek(0);
  if (playback.until !== null && state.time >= playback.until) playback.until = null;
  startPlaying();
}

function seek(time) {
  playback.until = null;
  state.time = clamp(time, data.start, data.end);
  if (playback.possible) audio.currentTime = clamp(time, 0, soundEnd()) + data.sound.delay;
  emit("time");
}

function follow() {
  state.time = playedTime();
  if (playback.until !== null && state.time >= playback.until) {
    const end = playback.until;
    audio.pause();
    seek(end);
    playback.until = end; // togglePlay clears it, because playback continues beyond the turn
    return;
  }
  keepInView();
  emit("time");
}

/** Move the view when the cursor leaves it, unless the reader has moved the view. */
function keepInView() {
  const { start, end } = state.view;
  const isIn = state.time >= start && state.time <= end;
  if (isIn) state.following = true;
  if (isIn || !state.following) return;
  const from = clamp(state.time - 0.05 * (end - start), data.start, data.end);
  setView(from, from + (end - start));
}

function followFrames() {
  cancelAnimationFrame(playback.frame);
  if (audio.paused) return;
  follow();
  playback.frame = requestAnimationFrame(followFrames);
}

function showPlaying() {
  byId("play").textContent = audio.paused ? "Play" : "Pause";
}

/** Show the time, and the turns at that time as text. */
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
  // While the page is hidden there are no animation frames, but there are these events.
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
