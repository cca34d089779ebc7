import { expect, it } from 'vitest';
import type { Message } from '../messages';
import { News } from './news';

function heard() {
	const messages: Message[] = [];
	const clock = { now: 0 };
	const news = new News(
		(message) => messages.push(structuredClone(message)),
		() => clock.now
	);
	return { messages, clock, news };
}

it('what many workers fetch is told together, ten times a second', () => {
	const { messages, clock, news } = heard();
	for (let step = 0; step < 100; step += 1) {
		clock.now = step * 10;
		news.fetched(10, 1);
	}
	expect(messages).toHaveLength(10);
	expect(messages.at(-1)).toMatchObject({ effort: { bytes: 910, files: 91 } });
});

it('after an interruption no report is told: it would blame the evidence', () => {
	const { messages, news } = heard();
	news.interrupted('the server is away');
	news.report('{}', '');
	news.fetched(1, 1);
	expect(messages).toEqual([{ type: 'interrupted', message: 'the server is away' }]);
});

it('the report comes with the whole effort', () => {
	const { messages, news } = heard();
	news.fetched(10, 1);
	news.fetched(5, 1);
	news.counted({ workers: 2, keptShares: 7 });
	news.report('{}', 'head');
	expect(messages.at(-1)).toMatchObject({ checkpoint: 'head', effort: { bytes: 15, files: 2, workers: 2, keptShares: 7 } });
});
