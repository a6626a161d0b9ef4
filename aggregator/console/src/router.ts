import { createRouter, createWebHashHistory } from 'vue-router'

import AlertFeed from './pages/AlertFeed.vue'
import BoxList from './pages/BoxList.vue'

export const router = createRouter({
  // Behind the hash, so that any web server, or none, can serve the one page.
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'alerts', component: AlertFeed },
    { path: '/boxes', name: 'boxes', component: BoxList },
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
