import { api, ask } from '$lib/api/client';
import { fetchText } from '$lib/api/files';
import { Problem } from '$lib/api/problem';

const KEPT = 'provenhash.policy';

/** The trust setting kept in this browser, with the day it was first trusted. */
export interface KeptPolicy {
	text: string;
	since_ms: number;
}

/** The policy to verify with, and what the server offers today if that is something else. */
export interface PolicyState {
	kept: KeptPolicy;
	/** An alarm: the log presents another policy than the one trusted here. */
	offered: string | null;
	/** True if it was trusted only now. */
	first: boolean;
}

/** What one line of a policy says that people should see. */
export interface PolicyFacts {
	logKeys: string[];
	witnesses: string[];
	quorum: string | null;
}

/** Reads the kept policy and compares it with the server's; trusts the server's on first use. */
export async function loadPolicy(): Promise<PolicyState> {
	const offered = await offeredPolicy();
	const kept = keptPolicy();
	if (kept === null) return { kept: trustPolicy(offered), offered: null, first: true };
	return { kept, offered: kept.text === offered ? null : offered, first: false };
}

/** From now on this text is the trust setting of this browser for this origin. */
export function trustPolicy(text: string): KeptPolicy {
	const kept = { text, since_ms: Date.now() };
	localStorage.setItem(KEPT, JSON.stringify(kept));
	return kept;
}

/** The lines of a tlog-policy (C2SP) that name keys and the quorum. */
export function policyFacts(text: string): PolicyFacts {
	const facts: PolicyFacts = { logKeys: [], witnesses: [], quorum: null };
	for (const line of text.split('\n')) {
		const [keyword, first, second] = line.trim().split(/\s+/);
		if (keyword === 'log' && first) facts.logKeys.push(first);
		if (keyword === 'witness' && first && second) facts.witnesses.push(first);
		if (keyword === 'quorum' && first) facts.quorum = first;
	}
	return facts;
}

function keptPolicy(): KeptPolicy | null {
	const text = localStorage.getItem(KEPT);
	return text === null ? null : (JSON.parse(text) as KeptPolicy);
}

/** `/log/policy`, or, where the operator publishes none, the log's key alone. */
async function offeredPolicy(): Promise<string> {
	try {
		return await fetchText('/log/policy');
	} catch (thrown) {
		if (!(thrown instanceof Problem) || thrown.status !== 404) throw thrown;
		const status = await ask(api.GET('/api/v1/status'));
		return `log ${status.log_vkey}\nquorum none\n`;
	}
}
