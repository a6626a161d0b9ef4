import { ref } from 'vue'

/** Browsers let a page sound only after the operator has touched it; until then `unlocked` stays false. */
export const unlocked = ref(false)
export const muted = ref(localStorage.getItem('hawkline.muted') === '1')

let context: AudioContext | null = null

export async function unlock(): Promise<void> {
  context ??= new AudioContext()
  await context.resume()
  unlocked.value = context.state === 'running'
}

export function setMuted(yes: boolean): void {
  muted.value = yes
  localStorage.setItem('hawkline.muted', yes ? '1' : '0')
}

/** The more urgent, the higher and the more often. */
export function ring(priority: number): void {
  if (!context || muted.value || context.state !== 'running') return
  const times = priority === 1 ? 3 : priority === 2 ? 2 : 1
  for (let i = 0; i < times; i++) {
    const start = context.currentTime + i * 0.22
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.value = [1320, 990, 740, 560][priority - 1] ?? 560
    volume.gain.setValueAtTime(0.0001, start)
    volume.gain.exponentialRampToValueAtTime(0.3, start + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.18)
    tone.connect(volume).connect(context.destination)
    tone.start(start)
    tone.stop(start + 0.2)
  }
}
