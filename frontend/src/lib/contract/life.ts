import type { Contract, Life, Terms } from '$lib/api/types';
import { formatSats } from '$lib/format/amount';
import { formatPpm, plural } from '$lib/format/number';
import { formatDuration, formatTime } from '$lib/format/time';

type PauseTerms = Pick<Terms, 'suspension' | 'refunds_unused_time'>;

/** What its end gave back: "1,200 sats for unused time and 30 sats for missing work"; null where it is nothing. */
export function paidBackText(paidBack: NonNullable<Life['paid_back']>): string | null {
	const parts: [sats: number, what: string][] = [
		[paidBack.unused_time_sats, 'unused time'],
		[paidBack.missing_work_sats, 'missing work']
	];
	const said = parts.filter(([sats]) => sats > 0).map(([sats, what]) => `${formatSats(sats)} for ${what}`);
	return said.length === 0 ? null : said.join(' and ');
}

/** What an early end means for the buyer, in sentences. */
export function closedSentences({ since_ms, paid_back }: Life, untilMs: number): string[] {
	const ended = `The operator closed this contract ${formatDuration(untilMs - since_ms)} before the end of its term. It takes no part in epochs that open later.`;
	if (!paid_back) {
		return [ended, 'What you paid for the time that is left is paid back: it is credited to you once the running period of epochs has ended.'];
	}
	const text = paidBackText(paid_back);
	return [ended, text ? `You were credited ${text}. This is paid out with your other credits.` : 'There was nothing left to pay back.'];
}

/** What a suspension means for the buyer, in sentences; the rule's figures once the terms are known. */
export function suspendedSentences(terms: PauseTerms | undefined): string[] {
	const now = 'Running the machines costs more than your hashes earn. By the rule in its terms the contract takes no part in the epochs for the time being.';
	const rule = terms?.suspension;
	if (!rule) return [now];
	const earned = `${formatPpm(rule.resume_ppm)} of its maintenance for ${plural(rule.resume_periods, 'period')} of epochs in a row`;
	const back = terms.refunds_unused_time
		? 'The end of the term stays; the time in which it is suspended is paid back then.'
		: 'The end of the term stays, and this time is not paid back.';
	return [now, `It goes on by itself when a hash has earned ${earned}.`, back];
}

/** A contract's line in a list, under its hashrate. */
export function lineOf(contract: Pick<Contract, 'from_ms' | 'payment_reference' | 'life'>): string {
	const { life } = contract;
	if (life?.state === 'closed') {
		const text = life.paid_back && paidBackText(life.paid_back);
		const back = life.paid_back ? text && `paid back ${text}` : 'what is left is being paid back';
		return [`closed early on ${formatTime(life.since_ms)}`, back].filter(Boolean).join(', ');
	}
	if (life?.state === 'suspended') return `suspended since ${formatTime(life.since_ms)}`;
	return contract.from_ms ? `from ${formatTime(contract.from_ms)}` : `reference ${contract.payment_reference}`;
}
