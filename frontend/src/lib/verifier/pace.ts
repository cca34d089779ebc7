/** Only the last seconds say how fast it goes now. */
const WINDOW_MS = 8_000;
/** Less than this is no ground for a forecast. */
const LEAST_MS = 1_500;

interface Point {
	atMs: number;
	shares: number;
	bytes: number;
}

/** How fast a verification goes, and how long it will still take. */
export class Pace {
	#points: Point[] = [];

	/**
	 * @param atMs any clock that only goes forward
	 * @param shares counted here and now; those that were kept from before came at once and say nothing about the pace
	 */
	see(atMs: number, shares: number, bytes: number): void {
		this.#points.push({ atMs, shares, bytes });
		while (this.#points.length > 2 && this.#points[1]!.atMs <= atMs - WINDOW_MS) this.#points.shift();
	}

	get sharesPerSecond(): number | null {
		return this.#rate('shares');
	}

	get bytesPerSecond(): number | null {
		return this.#rate('bytes');
	}

	/** Milliseconds until so many shares more are counted; `null` while nobody can say. */
	leftMs(shares: number): number | null {
		const rate = this.sharesPerSecond;
		return rate === null || rate <= 0 ? null : (shares / rate) * 1_000;
	}

	#rate(what: 'shares' | 'bytes'): number | null {
		const [first, last] = [this.#points[0], this.#points.at(-1)];
		if (!first || !last || last.atMs - first.atMs < LEAST_MS) return null;
		return ((last[what] - first[what]) * 1_000) / (last.atMs - first.atMs);
	}
}
