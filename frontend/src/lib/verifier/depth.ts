import { hex } from './hex';

/** How deep a verification goes (docs/LOG.md §10). */
export type Depth = 'exact' | 'estimate' | 'sampled';

/** Chunks that a sampled verification draws first: it then meets a lie about one hundredth of the work with 95 %. */
export const FIRST_SAMPLES = 300;

/** Bytes of a share's record, and of the row that stands for a chunk of 4,096 of them (docs/LOG.md §6). */
const RECORD = 24;
const CHUNK_ROW = 80;
const CHUNK = 4_096;

/** Jobs, sessions, rejects, list of contracts and two entries of the log, for one epoch: some kilobytes, compressed. */
const EPOCH_FILES = 8_000;

/** From here on a person should know beforehand how long an exact verification takes: some minutes on a good line. */
const LONG_BYTES = 250_000_000;

export interface DepthText {
	depth: Depth;
	name: string;
	/** What a verification of this depth shows. */
	proves: string;
	/** What it leaves open. */
	leaves: string;
}

export const DEPTHS: DepthText[] = [
	{
		depth: 'exact',
		name: 'Exact',
		proves: 'Recomputes every share.',
		leaves: 'Leaves nothing open: the only depth that also excludes a share counted twice.'
	},
	{
		depth: 'estimate',
		name: 'Estimate',
		proves: 'Recomputes the best hashes of every epoch. How rare they are shows how much work there was.',
		leaves: 'A gross lie can’t pass; a lie of a few per cent can.'
	},
	{
		depth: 'sampled',
		name: 'Sampled',
		proves: `Recomputes ${FIRST_SAMPLES} pieces of the work, drawn by your browser just now.`,
		leaves: 'Says how sure you can be, and goes on for as long as you like.'
	}
];

/** Roughly what a verification fetches, in bytes, from the sizes that the server states. */
export function bytesOf(depth: Depth, { shares, epochs }: { shares: number; epochs: number }): number {
	const chunks = Math.max(epochs, Math.ceil(shares / CHUNK));
	const rows = chunks * CHUNK_ROW;
	const perChunk = Math.min(CHUNK, shares / Math.max(1, chunks)) * RECORD;
	switch (depth) {
		case 'exact':
			return shares * RECORD + rows + epochs * EPOCH_FILES;
		case 'estimate':
			return epochs * (perChunk + EPOCH_FILES) + rows;
		case 'sampled': {
			const drawn = distinct(FIRST_SAMPLES, chunks);
			return drawn * perChunk + distinct(drawn, epochs) * EPOCH_FILES + rows;
		}
	}
}

/** Whether an exact verification fetches so much that the estimate should come first. */
export function isLong(exactBytes: number): boolean {
	return exactBytes >= LONG_BYTES;
}

/** How many different ones `draws` draws with replacement out of `all` come to, on average. */
function distinct(draws: number, all: number): number {
	return all === 0 ? 0 : all * (1 - (1 - 1 / all) ** draws);
}

/** Randomness for the draws: the operator can't know beforehand what will be looked at. */
export function drawSeed(): string {
	return hex(crypto.getRandomValues(new Uint8Array(32)));
}
