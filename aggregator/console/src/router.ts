import { createRouter, createWebHashHistory } from 'vue-router'

import { pages } from './pages'

export const router = createRouter({
  // Behind the hash, so that any web server, or none, can serve the one page.
  history: createWebHashHistory(),
  routes: [
    ...pages.map(({ path, name, component }) => ({ path, name, component })),
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
