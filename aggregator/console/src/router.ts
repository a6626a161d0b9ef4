import { createRouter, createWebHashHistory } from 'vue-router'

import { bring, pages } from './pages'

export const router = createRouter({
  // Behind the hash, so that any web server, or none, can serve the one page.
  history: createWebHashHistory(),
  routes: [
    ...pages.map(({ path, name, component }) => ({ path, name, component })),
    { path: '/:rest(.*)', redirect: '/' },
  ],
})

/** Add the pages of other distributions, and go to the one of them that was asked for before it was known. */
export async function addBrought(): Promise<void> {
  const wanted = location.hash.slice(1)
  for (const { path, name, component } of await bring()) {
    router.addRoute({ path, name, component })
    if (path === wanted) await router.replace(path)
  }
}
