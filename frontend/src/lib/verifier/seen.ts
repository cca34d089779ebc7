import type { Report } from './report';

const SEEN = 'provenhash.seen.';

/** A log's head, as the verifier takes it. */
export interface LogHead {
	origin: string;
	size: number;
	root: string;
}

/** The head of the last log that held here. */
export interface SeenLog extends LogHead {
	at_ms: number;
	/** The signed checkpoint itself: beside another one it proves to anyone that the log was rewritten. */
	checkpoint?: string;
}

/**
 * The log of one of these keys as this browser last saw it hold. It is kept by key: who decides to trust another key
 * begins anew, and was asked before.
 *
 * @param logKeys the policy's C2SP verifier keys
 */
export function seenLog(logKeys: string[]): SeenLog | null {
	for (const key of logKeys) {
		const text = localStorage.getItem(SEEN + key);
		if (text !== null) return JSON.parse(text) as SeenLog;
	}
	return null;
}

/** Remembers the log of a report that held. A report that failed never replaces what is remembered. */
export function rememberLog(logKeys: string[], { held, origin, tree_size, root }: Report, checkpoint: string): void {
	const key = logKeys.find((key) => key.startsWith(`${origin}+`));
	if (!held || key === undefined) return;
	const seen: SeenLog = { origin, size: tree_size, root, at_ms: Date.now(), checkpoint };
	localStorage.setItem(SEEN + key, JSON.stringify(seen));
}
