import type { Receipt } from '$lib/api/types';
import type { Claims } from './claims';
import type { Depth } from './depth';
import type { LogHead } from './seen';
import type { Progress } from './report';

/** What the verifier is asked: its options, but for the hash of the module, which the coordinator knows. */
export interface Request {
	/** The trust setting: a C2SP tlog-policy text. */
	policy: string;
	receipt: Receipt | null;
	contract: string | null;
	/** What the server says about that contract; the verifier holds it against the evidence. */
	claims: Claims | null;
	/** The log as this browser last saw it; it may only have grown. */
	remembered: LogHead | null;
	depth: Depth;
	/** Chunks to draw in depth `sampled`, else null. */
	samples: number | null;
	/** 64 hex digits that decide which chunks are drawn, else null: the same seed draws the same ones first. */
	seed: string | null;
}

/** What the page tells the coordinator, once: to audit, or to say whether a policy can be used. */
export type Order = AuditOrder | { type: 'policy'; text: string; simd: boolean };

export interface AuditOrder {
	type: 'audit';
	request: Request;
	/** The verifier keys of the policy's logs; counts kept for others are deleted. */
	logKeys: string[];
	/** Whether the module with vector instructions runs here. */
	simd: boolean;
	/** Counting workers to start. */
	workers: number;
}

/** How much was done here and now, and how much this browser had counted before. */
export interface Effort {
	bytes: number;
	files: number;
	/** Counting workers that counted something. */
	workers: number;
	/** Shares whose count was kept from an earlier verification in this browser. */
	keptShares: number;
}

/** What the coordinator tells the page. `report`, `policy`, `interrupted` and `broken` are last words. */
export type Message =
	| { type: 'loaded'; wasmSha256: string }
	| { type: 'progress'; progress: Progress | null; effort: Effort }
	| { type: 'report'; json: string; effort: Effort; checkpoint: string }
	| { type: 'policy'; problem: string | null }
	| { type: 'interrupted'; message: string }
	| { type: 'broken'; message: string };
