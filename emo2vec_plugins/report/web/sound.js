// The sound: plays all of it, or one turn from its start to its end, and moves the time along.

const audio = byId("audio");
const heard = { possible: false, until: null };

function openSound() {
  const source = byId("sound");
  const content = source.textContent.trim();
  source.remove();
  byId("about-sound").textContent = data.sound.about;
  heard.possible = Boolean(content || data.sound.url);
  byId("play").disabled = !heard.possible;
  byId("speed").disabled = !heard.possible;
  if (!heard.possible) return;
  audio.addEventListener("error", () => lose("The sound could not be opened."));
  audio.src = content ? URL.createObjectURL(unpacked(content)) : data.sound.url;
}

function lose(why) {
  heard.possible = false;
  byId("play").disabled = true;
  byId("about-sound").textContent = `${why} ${data.sound.about}`;
}

/** Bytes from base64, a part at a time: one string of them all would take twice the memory. */
function unpacked(content) {
  const parts = [];
  for (let at = 0; at < content.length; at += 1 << 20) {
    const text = atob(content.slice(at, at + (1 << 20)));
    parts.push(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
  return new Blob(parts, { type: "audio/mpeg" });
}

function soundEnd() {
  if (data.sound.seconds !== null) return data.sound.seconds;
  return Number.isFinite(audio.duration) ? audio.duration : data.end;
}

/** The time that is heard now: a compressed sound is a little late. */
function heardTime() {
  return Math.max(0, audio.currentTime - data.sound.delay);
}

function playTurn(turn) {
  if (!heard.possible) return seek(turn.start);
  const start = Math.max(0, turn.start);
  if (start >= soundEnd() || turn.end <= 0) {
    audio.pause();
    return say("This turn is beyond the sound.");
  }
  seek(start);
  heard.until = turn.end;
  if (turn.end > start) startPlaying();
}

function startPlaying() {
  audio.play().catch((error) => {
    if (error.name !== "AbortError") lose(`The sound cannot be played (${error.message}).`);
  });
}

function togglePlay() {
  if (!heard.possible) return;
  if (!audio.paused) return audio.pause();
  if (state.time >= soundEnd() - 0.05) seek(0);
  heard.until = null;
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
    audio.pause();
    seek(heard.until);
  } else {
    keepInView();
    emit("time");
  }
}

function keepInView() {
  const { start, end } = state.view;
  if (state.time >= start && state.time <= end) return;
  const from = clamp(state.time - 0.05 * (end - start), data.start, data.end);
  setView(from, from + (end - start));
}

function followFrames() {
  if (audio.paused) return;
  follow();
  requestAnimationFrame(followFrames);
}

function showPlaying() {
  byId("play").textContent = audio.paused ? "Play" : "Pause";
}

/** The turns that are heard at the cursor, in words. */
function showTime() {
  byId("time").textContent = `${clock(state.time, 1)} / ${clock(data.end)}`;
  const now = at(state.time).map((turn) => `${speakers[turn.speaker].name}: ${labelOf(turn)}`);
  byId("now").textContent = now.join(", ");
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
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("speed").addEventListener("change", (event) => {
    audio.playbackRate = Number(event.target.value);
  });
  on("time", showTime);
  showTime();
}

/** Choose the turn before or after; while there is sound, it is heard. */
function step(by) {
  const turn = neighbour(by);
  if (turn === null) return say(by > 0 ? "This is the last turn." : "This is the first turn.");
  visit(turn);
}

/** Choose a turn, hear it, and say what it is. */
function visit(turn) {
  choose(turn);
  say(describe(turn));
  playTurn(turn);
}
