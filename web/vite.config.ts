import { gzipSync } from 'node:zlib';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** Writes a .gz beside every text asset: WhiteNoise serves it as it is, so no request pays for compression. */
function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle() {
      for (const name of readdirSync(folder)) {
        if (!/\.(js|mjs|css|svg)$/.test(name)) continue;
        writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name)), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: '/static/',
  publicDir: false,
  plugins: [precompress()],
  build: {
    outDir: 'dist',
    assetsDir: 'web',
    manifest: 'manifest.json',
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { base: 'src/base.ts', map: 'src/map.ts', composition: 'src/composition.ts', workbench: 'src/workbench.ts', 'sign-in': 'src/sign-in.ts', delivery: 'src/delivery.ts', evidence: 'src/evidence.ts', acceptance: 'src/acceptance.ts', documents: 'src/documents.ts', flow: 'src/flow.ts', cases: 'src/cases.ts', hall: 'src/hall.ts' } },
  },
  worker: { format: 'es' },
  test: { include: ['tests/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
