import { ref, watch } from 'vue'

import { lists } from '../api/lists'
import { may, me } from '../me'

const AGAIN_MS = 30_000

/** How many lists wait for who is signed in: submitted by others. */
export const waiting = ref(0)

async function count(): Promise<void> {
  try {
    waiting.value = (await lists(true)).filter((list) => list.state === 'submitted' && list.drawn_by !== me.value?.name).length
  } catch {
    // It is asked again; that nothing can be asked is said by the page itself.
  }
}

let timer = 0
watch(me, () => {
  window.clearInterval(timer)
  if (!may('lists.approve')) return
  void count()
  timer = window.setInterval(() => void count(), AGAIN_MS)
})
