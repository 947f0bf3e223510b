"""The report as a file: table (.csv), workbook (.xlsx), briefing (.docx). All show the numbers of the JSON report."""
