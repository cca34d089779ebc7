import { coordinator } from './coordinator/start';
import type { Message, Order } from './messages';
import { hasSimd } from './simd';

/** Why the verifier would refuse a policy, in its own words; `null` if it takes it. */
export function policyProblem(text: string): Promise<string | null> {
	const worker = coordinator();
	const answer = new Promise<string | null>((resolve) => {
		worker.onerror = (event) => resolve(event.message || 'The verifier could not be started. Reload the page.');
		worker.onmessage = ({ data }: MessageEvent<Message>) => {
			if (data.type === 'policy') resolve(data.problem);
			if (data.type === 'broken') resolve(data.message);
		};
	});
	const order: Order = { type: 'policy', text, simd: hasSimd() };
	worker.postMessage(order);
	return answer.finally(() => worker.terminate());
}
