import adapter from '@sveltejs/adapter-static';
import manifest from './package.json' with { type: 'json' };

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: true },
	kit: {
		// One page for every address: the server answers unknown paths with index.html.
		adapter: adapter({ fallback: 'index.html' }),
		// The server lets browsers keep what lies under assets/immutable.
		appDir: 'assets',
		// A fixed version name keeps the build reproducible; the default is the time of the build.
		version: { name: manifest.version },
		// Also holds where the pages are served without headers. The server's own policy adds the hash of the inline script.
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['self'],
				'script-src': ['self', 'wasm-unsafe-eval'],
				'style-src': ['self', 'unsafe-inline'],
				'img-src': ['self', 'data:'],
				'worker-src': ['self'],
				'connect-src': ['self'],
				'object-src': ['none'],
				'base-uri': ['none'],
				'form-action': ['self']
			}
		}
	}
};
