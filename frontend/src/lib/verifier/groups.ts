import type { Check } from './report';

/** Checks that belong together, under the question a person has. */
export interface CheckGroup {
	title: string;
	checks: Check[];
}

const GROUPS: { title: string; ids: string[] }[] = [
	{ title: 'Is this the one public log, whole and unchanged?', ids: ['bundle.intact', 'log.signed', 'log.grew', 'log.complete'] },
	{
		title: 'Was the work really done, then, and for this pool?',
		ids: ['job.anchored', 'share.work', 'share.plausible', 'log.time', 'chain.linked']
	},
	{ title: 'Did my contract get its part?', ids: ['alloc.mine', 'alloc.all', 'alloc.sum', 'contract.life', 'contract.hashes'] },
	{ title: 'Did the money follow the work?', ids: ['block.all', 'settle.mine', 'settle.sum', 'accrual.sum', 'conclusion.sum', 'input.chain', 'payout.mine', 'liab.sum'] },
	{ title: 'Is this the verifier that everybody has?', ids: ['verifier.self'] }
];

/** The checks by question, in the order given; one that no question names stands under the last title, never nowhere. */
export function groupChecks(checks: Check[]): CheckGroup[] {
	const named = new Set(GROUPS.flatMap(({ ids }) => ids));
	const groups = GROUPS.map(({ title, ids }) => ({ title, checks: checks.filter(({ id }) => ids.includes(id)) }));
	const others = { title: 'Further checks', checks: checks.filter(({ id }) => !named.has(id)) };
	return [...groups, others].filter((group) => group.checks.length > 0);
}
