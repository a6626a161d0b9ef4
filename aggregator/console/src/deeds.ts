import { useMessage } from 'naive-ui'
import { ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { refused } from './feed/state'

/** What a page does at the server: one thing at a time, and what is refused is said in the server's words. */
export function useDeeds(reload: () => Promise<unknown> = () => Promise.resolve()) {
  const { t } = useI18n()
  const message = useMessage()
  const busy = ref(false)

  /** Do it, then load again what the page shows; returns whether it was done. */
  async function attempt(deed: () => Promise<unknown> = () => Promise.resolve()): Promise<boolean> {
    busy.value = true
    try {
      await deed()
      await reload()
      return true
    } catch (error) {
      refused(error)
      const why = error instanceof Error && error.message !== 'network' ? error.message : t('connection.lost')
      message.error(t('failed', { why }))
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, attempt }
}
