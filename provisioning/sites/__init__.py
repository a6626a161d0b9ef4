"""Plans of sites: from a workbook to configuration, and what is wrong with it, cell by cell."""
