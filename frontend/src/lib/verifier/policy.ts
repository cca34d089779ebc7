import { api, ask } from '$lib/api/client';
import { fetchText } from '$lib/api/files';
import { Problem } from '$lib/api/problem';

const KEPT = 'provenhash.policy';

/** The trust setting kept in this browser. */
export interface KeptPolicy {
	text: string;
	/** What the site suggested when this was decided. */
	offered: string;
	since_ms: number;
}

/** The policy to verify with, and what the server offers today if that is something new. */
export interface PolicyState {
	kept: KeptPolicy;
	/** What the site suggests now, where it differs from what it suggested when the kept one was decided. */
	offered: string | null;
	/** True if it was trusted only now. */
	first: boolean;
}

/** What a policy says that people should see. */
export interface PolicyFacts {
	/** Verifier keys of the logs (C2SP). */
	logKeys: string[];
	witnesses: string[];
	groups: Group[];
	/** Name of the witness or group that must have signed; `null` for none. */
	quorum: string | null;
	/** The block from which the chain is believed, in display order. */
	chainStart: { height: string; hash: string } | null;
}

/** So many of these witnesses or groups; `all`, `any` or a number. */
export interface Group {
	name: string;
	threshold: string;
	members: string[];
}

/** Reads the kept policy and compares it with the server's; trusts the server's on first use. */
export async function loadPolicy(): Promise<PolicyState> {
	const offered = await offeredPolicy();
	const kept = keptPolicy();
	if (kept === null) return { kept: keep({ text: offered, offered }), offered: null, first: true };
	return { kept, offered: kept.offered === offered ? null : offered, first: false };
}

/** From now on this text, the site's suggestion or one's own, is the trust setting of this browser for this origin. */
export function trustPolicy(text: string, offered: string): PolicyState {
	return { kept: keep({ text, offered }), offered: null, first: false };
}

/** The lines of a tlog-policy (C2SP) in parts. What is malformed is left out: the verifier itself refuses it. */
export function policyFacts(text: string): PolicyFacts {
	const facts: PolicyFacts = { logKeys: [], witnesses: [], groups: [], quorum: null, chainStart: null };
	for (const line of text.split('\n')) {
		const [keyword, first, second, ...rest] = line.trim().split(/\s+/);
		if (first === undefined) continue;
		if (keyword === 'log') facts.logKeys.push(first);
		if (keyword === 'witness' && second) facts.witnesses.push(first);
		if (keyword === 'group' && second) facts.groups.push({ name: first, threshold: second, members: rest });
		if (keyword === 'quorum' && first !== 'none') facts.quorum = first;
		if (keyword === '#chain' && second) facts.chainStart = { height: first, hash: second };
	}
	return facts;
}

/** Whose cosignatures the policy demands, in words; `null` where it demands none. */
export function quorumWords({ groups, quorum }: PolicyFacts): string | null {
	return quorum === null ? null : memberWords(quorum, groups, []);
}

function memberWords(name: string, groups: Group[], inside: string[]): string {
	const group = groups.find((group) => group.name === name);
	// A group that contains itself is refused by the verifier; here it must only end.
	if (group === undefined || inside.includes(name)) return name;
	const members = group.members.map((member) => memberWords(member, groups, [...inside, name]));
	const list = members.length > 1 && inside.length > 0 ? `(${members.join(', ')})` : members.join(', ');
	if (group.threshold === 'all' || Number(group.threshold) === members.length) return members.length > 1 ? `all of ${list}` : list;
	const least = group.threshold === 'any' ? 1 : Number(group.threshold);
	return `at least ${least} of ${list}`;
}

function keep(policy: Pick<KeptPolicy, 'text' | 'offered'>): KeptPolicy {
	const kept = { ...policy, since_ms: Date.now() };
	localStorage.setItem(KEPT, JSON.stringify(kept));
	return kept;
}

function keptPolicy(): KeptPolicy | null {
	const text = localStorage.getItem(KEPT);
	if (text === null) return null;
	const kept = JSON.parse(text) as KeptPolicy;
	return { ...kept, offered: kept.offered ?? kept.text };
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
