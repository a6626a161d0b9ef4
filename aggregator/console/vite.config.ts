import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [vue()],
  build: { outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 1200 },
  // For work on the console itself: `npm run dev` beside a running aggregator.
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:8420' } },
})
