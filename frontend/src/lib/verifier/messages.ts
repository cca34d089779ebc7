import type { Receipt } from '$lib/api/types';
import type { Claims } from './claims';
import type { LogHead } from './seen';
import type { Progress } from './report';

/** What the page asks the worker to verify. */
export interface Request {
	/** The trust setting: a C2SP tlog-policy text. */
	policy: string;
	receipt: Receipt | null;
	contract: string | null;
	/** What the server says about that contract; the verifier holds it against the evidence. */
	claims: Claims | null;
	/** The log as this browser last saw it; it may only have grown. */
	remembered: LogHead | null;
}

/** What the worker tells the page. `report` and `broken` are last words. */
export type Message =
	| { type: 'loaded'; wasmSha256: string }
	| { type: 'progress'; progress: Progress | null; bytes: number; files: number }
	| { type: 'report'; json: string }
	| { type: 'broken'; message: string };
