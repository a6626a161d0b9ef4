/** What a list or a cordon is for, and what is to be done on a hit. */
export interface Said {
  title: string
  purpose: string
  case_number: string
  instructions: string
}

export const nothingSaid = (): Said => ({ title: '', purpose: '', case_number: '', instructions: '' })

/** Whether all of it is there: the server takes no less. */
export const isSaid = (said: Said): boolean => Object.values(said).every((text: string) => text.trim().length >= 2)
