import type { Quote } from '$lib/api/types';

/** A quote, and until when it can be used by this browser's clock. */
export interface Held {
	quote: Quote;
	untilMs: number;
}

/** Notices to those who can't see the seconds run, by the time that is left. */
const NOTICES: [leftMs: number, text: string][] = [
	[60_000, 'The price is held for less than a minute.'],
	[300_000, 'The price is held for less than five minutes.']
];

/**
 * Holds a quote that was asked for at `askedMs`. Its length counts from there: the server made it later, so it lasts at least
 * as long, whatever the two clocks say.
 */
export function hold(quote: Quote, askedMs: number): Held {
	return { quote, untilMs: askedMs + (quote.expires_ms - quote.created_ms) };
}

/** How long a quote can still be used, in milliseconds; never negative. */
export function left({ untilMs }: Held, nowMs: number): number {
	return Math.max(0, untilMs - nowMs);
}

/** Time left as a clock shows it: "14:09", "1:02:03". */
export function formatLeft(ms: number): string {
	const seconds = Math.ceil(ms / 1000);
	const two = (value: number) => String(value).padStart(2, '0');
	const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
	return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** What is announced of the time left; changes twice, so that it is not read out every second. */
export function noticeOf(leftMs: number): string {
	return NOTICES.find(([ms]) => leftMs < ms)?.[1] ?? '';
}
