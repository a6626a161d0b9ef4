import { createI18n } from 'vue-i18n'

import { en } from './en'
import { zh } from './zh'

const STORED = 'hawkline.language'
export type Language = 'zh' | 'en'

export const i18n = createI18n({
  legacy: false,
  locale: localStorage.getItem(STORED) === 'en' ? 'en' : 'zh',
  fallbackLocale: 'zh',
  messages: { zh, en },
})

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language
  localStorage.setItem(STORED, language)
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
}
