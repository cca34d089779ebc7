/** First wait between two looks, in milliseconds. */
const FIRST_MS = 2_000;
/** Longest wait: a person who leaves the page open costs the server two requests a minute. */
const LONGEST_MS = 30_000;

/**
 * Calls `look` now and then again and again, waiting longer each time nothing changed (×1.5, up to 30 s) and the
 * shortest time after a change. Does not look while the page is hidden. Returns the function that stops it.
 *
 * @param look resolves to whether something changed; a rejection counts as no change
 */
export function poll(look: () => Promise<boolean>, firstMs = FIRST_MS, longestMs = LONGEST_MS): () => void {
	let wait = firstMs;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let stopped = false;

	async function round() {
		if (!document.hidden) {
			const changed = await look().catch(() => false);
			wait = changed ? firstMs : Math.min(wait * 1.5, longestMs);
		}
		if (!stopped) timer = setTimeout(round, wait);
	}
	function wake() {
		if (document.hidden || stopped) return;
		clearTimeout(timer);
		wait = firstMs;
		timer = setTimeout(round, 0);
	}

	document.addEventListener('visibilitychange', wake);
	void round();
	return () => {
		stopped = true;
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', wake);
	};
}
