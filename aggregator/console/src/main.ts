import { createApp } from 'vue'

import App from './App.vue'
import { i18n } from './locales'
import { addBrought, router } from './router'
import './style.css'

// Read before the router has looked at the address. Without them the console is whole all the same.
void addBrought().catch((error: unknown) => console.error('pages of other distributions:', error))
createApp(App).use(i18n).use(router).mount('#app')
