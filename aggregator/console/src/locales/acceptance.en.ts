/** Texts of the page on which a site is accepted. */
export const acceptance = {
  acceptance: {
    site: 'choose a site',
    print: 'print / keep as PDF',
    help: 'Walk over every line and lane, open every door, set off every sensor. What was heard can be accepted; of what is not well say what is wrong, and try it again. A line that was drawn anew has to be tried again.',
    title: 'Acceptance of',
    done: '{accepted} of {all} accepted. {time}',
    what: 'what',
    state: 'verdict',
    heard: 'heard at',
    by: 'by',
    note: 'open point',
    justHeard: 'heard just now, {time}',
    picture: 'picture',
    accept: 'accept',
    refuse: 'not yet',
    whatIsWrong: 'what is wrong',
    none: 'This site has no line, lane or sensor yet: come back when its boxes are in and obey their configuration.',
    signatures: 'Contractor: ________________        User: ________________        Date: ____________',
    kinds: { line: 'line', lane: 'lane', sensor: 'sensor' },
    states: { open: 'open', accepted: 'accepted', refused: 'not accepted', changed: 'drawn anew, try again' },
  },
}
