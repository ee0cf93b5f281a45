
// Fetches the metrics, over and over, and shows them.

const REFRESH_SECONDS = 5;
const TIMEOUT_SECONDS = 15;

const page = {
  last: null,       // {metrics, at, clock} of the last fetch that could be read.
  failedSince: "",  // When fetches began to fail; "" while they do not.
  isPaused: false,
  pending: null,    // The refresh under way: there is never another beside it.
  timer: 0,
};

async function fetchMetrics() {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_SECONDS * 1000);
  try {
    const response = await fetch("metrics", {cache: "no-store",
      headers: {Accept: "text/plain; version=0.0.4"}, signal: abort.signal});
    if (!response.ok) throw new Error(`it answers with ${response.status}`);
    const text = await response.text();
    // Ages are by the clock of the host that the numbers come from.
    const date = Date.parse(response.headers.get("Date") || "");
    return {text, at: (Number.isNaN(date) ? Date.now() : date) / 1000,
      clock: performance.now() / 1000};
  } catch (error) {
    throw abort.signal.aborted ?
      new Error(`no answer within ${TIMEOUT_SECONDS} seconds`) : error;
  } finally {
    clearTimeout(timer);
  }
}

// Counters of another process have nothing to be compared with.
function isSameProcess(now, before) {
  const name = "process_start_time_seconds";
  return before !== null && now.value(name) === before.value(name) &&
    !(now.sum(EGRESS) < before.sum(EGRESS));
}

function show(metrics, at, clock) {
  const last = page.last;
  const before = last && isSameProcess(metrics, last.metrics) ?
    last.metrics : null;
  const movement = new Movement(metrics, before,
    last ? Math.max(clock - last.clock, 0.001) : 1);
  if (before === null) blindSince.clear();
  noteBlindness(movement, at);
  showSections(movement, at);
  showFindings(movement);
  page.last = {metrics, at, clock};
  page.failedSince = "";
}

function showFailure(word, error) {
  page.failedSince = page.failedSince || timeOf(Date.now() / 1000);
  const old = page.last ? ` The numbers below are those of ${
    timeOf(page.last.at)}.` : " There are no numbers yet.";
  showState("bad", word,
    `Since ${page.failedSince}: ${visible(error.message)}.${old}`);
}

function showFreshness() {
  const unsettled = page.last &&
    page.last.metrics.value("octroi_unsettled_workers");
  const parts = [page.last ? `Numbers of ${timeOf(page.last.at)}` : "",
    page.isPaused ? "paused" : `refreshed every ${REFRESH_SECONDS} s`,
    unsettled > 0 ? `${count(unsettled, "worker")} not waited for` : ""];
  setText(byId("freshness"), parts.filter(Boolean).join(", "));
}

function refresh() {
  clearTimeout(page.timer);
  page.pending = page.pending || refreshOnce().finally(() => {
    page.pending = null;
  });
  return page.pending;
}

async function refreshOnce() {
  const begun = performance.now();
  try {
    const answer = await fetchMetrics();
    try {
      show(parseMetrics(answer.text), answer.at, answer.clock);
    } catch (error) {
      showFailure("Unreadable metrics.", error);
    }
  } catch (error) {
    showFailure("Unreachable.", error);
  }
  showFreshness();
  if (!page.isPaused) {
    page.timer = setTimeout(refresh, Math.max(0,
      REFRESH_SECONDS * 1000 - (performance.now() - begun)));
  }
}

function pause() {
  page.isPaused = !page.isPaused;
  setText(byId("pause"), page.isPaused ? "Resume" : "Pause");
  clearTimeout(page.timer);
  showFreshness();
  if (!page.isPaused) refresh();
}

setText(byId("host"), location.host);
byId("pause").hidden = false;
byId("pause").addEventListener("click", pause);
drawMaps();
refresh();
