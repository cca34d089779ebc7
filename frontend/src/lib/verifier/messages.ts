import type { Receipt } from '$lib/api/types';
import type { Progress } from './report';

/** What the page asks the worker to verify. */
export interface Request {
	/** The trust setting: a C2SP tlog-policy text. */
	policy: string;
	receipt: Receipt | null;
	contract: string | null;
}

/** What the worker tells the page. `report` and `broken` are last words. */
export type Message =
	| { type: 'loaded'; wasmSha256: string }
	| { type: 'progress'; progress: Progress | null; bytes: number; files: number }
	| { type: 'report'; json: string }
	| { type: 'broken'; message: string };
