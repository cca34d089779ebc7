import { expect, it } from 'vitest';
import { chargesSentence, lifeSentences, schemeSentence } from './terms';

it('a window is said with its size', () =>
	expect(schemeSentence({ scheme: 'pplns', window_work: '5000000' })).toContain('last 5 MH'));

it.each([
	[null, 'included in the price'],
	[1_200, '1,200 sats per TH/s and day']
])('maintenance of %s is said', (rate, text) => {
	const sentence = chargesSentence({ fee_ppm: 20_000, maintenance_sats_per_ths_day: rate });
	expect(sentence).toContain('2.00 %');
	expect(sentence).toContain(text);
});

const LASTING = { suspension: null, refunds_unused_time: false, make_good_tolerance_ppm: null };

it('of a contract that only time ends nothing more is said', () => expect(lifeSentences(LASTING)).toEqual([]));

it('pauses, early ends and missing work are said before buying', () => {
	const suspension = { periods: 7, resume_ppm: 1_050_000, resume_periods: 3 };
	const [pause, back, missing] = lifeSentences({ suspension, refunds_unused_time: true, make_good_tolerance_ppm: 50_000 });
	expect(pause).toContain('pauses');
	expect(back).toContain('close it early');
	expect(missing).toContain('beyond 5.00 %');
	expect(lifeSentences({ ...LASTING, make_good_tolerance_ppm: 0 })).toEqual(['What is missing of the promised work is paid back at its end.']);
});
